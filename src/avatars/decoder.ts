import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { createTurns } from './turns.ts';

/** What became of a picture. */
export type Decoded =
  | { readonly picture: Uint8Array }
  /** It is none that can be decoded. */
  | { readonly failure: string }
  /** It took too much time or memory. */
  | { readonly tooExpensive: string };

/** What the process says: that it is ready, then one answer for each picture. */
export type Answer = Decoded | { readonly ready: true };

/**
 * A process that decodes one picture at a time: the memory that takes is the largest there is. It is started with the first
 * one, and again after it was killed. A picture is given two seconds, so it keeps the next one waiting for no longer.
 */
export interface Decoder {
  /** @throws {Error} when there is no process that can */
  decode(sent: Buffer): Promise<Decoded>;
  /** Kills the process, whatever it is doing. */
  close(): Promise<void>;
}

/** The compiled file, whether we are the compiled server or the sources: Node runs no TypeScript. */
const PROGRAM = fileURLToPath(new URL('../../dist/avatars/decode-main.js', import.meta.url));

/** What the system's libraries are found by. Nothing else of our environment is its business. */
const ENVIRONMENT = ['SystemRoot', 'LD_LIBRARY_PATH', 'DYLD_LIBRARY_PATH'];

const LONGEST_START_MS = 20_000;
/** It looks at its own processor time; this is for a process that hangs, or a machine that gives it none. */
const LONGEST_MS = 10_000;
/** Without work for so long it is ended: it holds 60 MB. */
const IDLE_MS = 60_000;

export function createDecoder(program = PROGRAM): Decoder {
  // Those who wait are counted where they are received.
  const many = Number.POSITIVE_INFINITY;
  const inTurn = createTurns({ atOnce: 1, waiting: many, waitingOfOne: many });
  let current: Promise<ChildProcess> | undefined;
  let idle: NodeJS.Timeout | undefined;

  async function start(): Promise<ChildProcess> {
    const env = Object.fromEntries(ENVIRONMENT.map((name) => [name, process.env[name]]));
    const child = fork(program, { env, execArgv: [], serialization: 'advanced' });
    child.on('error', () => undefined); // of a channel that is closed: answerOf says so
    child.once('exit', () => (current = undefined));
    const first = await answerOf(child, LONGEST_START_MS);
    if (!('ready' in first)) {
      await end(child);
      throw new Error(
        `the process that decodes pictures did not start: ${JSON.stringify(first)}; see stderr`,
      );
    }
    // Idle, it keeps nobody's process alive.
    child.unref();
    child.channel?.unref();
    return child;
  }

  function stop(): Promise<void> | undefined {
    clearTimeout(idle);
    const stopped = current?.then(end, () => undefined);
    current = undefined;
    return stopped;
  }

  async function decode(sent: Buffer): Promise<Decoded> {
    clearTimeout(idle);
    current ??= start();
    const child = await current.catch((error) => {
      current = undefined;
      throw error;
    });
    child.channel?.ref();
    child.send(sent);
    const answer = await answerOf(child, LONGEST_MS);
    child.channel?.unref();
    if ('ready' in answer) throw new Error('the process that decodes pictures is ready twice');
    if ('tooExpensive' in answer) await stop();
    else idle = setTimeout(stop, IDLE_MS).unref();
    return answer;
  }

  return {
    decode: (sent) => inTurn(undefined, () => decode(sent)),
    close: async () => stop(),
  };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const exited = once(child, 'exit');
  child.ref();
  child.kill('SIGKILL');
  await exited;
}

/** The next thing that it says, or how it ended without a word. */
async function answerOf(child: ChildProcess, ms: number): Promise<Answer> {
  const settled = new AbortController();
  const { signal } = settled;
  const late = new Promise<Answer>((resolve) => {
    const timer = setTimeout(() => resolve({ tooExpensive: `no answer within ${ms} ms` }), ms);
    signal.addEventListener('abort', () => clearTimeout(timer));
  });
  try {
    return await Promise.race([
      once(child, 'message', { signal }).then(([answer]) => answer as Answer),
      once(child, 'exit', { signal }).then(([code, by]) => ended(code, by)),
      late,
    ]);
  } finally {
    settled.abort();
  }
}

/** A system that lacks memory kills with SIGKILL; a picture that its library cannot bear ends it in another way. */
function ended(code: number | null, by: NodeJS.Signals | null): Decoded {
  return by === 'SIGKILL' ? { tooExpensive: 'it was killed' } : { failure: `it ended with ${by ?? code}` };
}
