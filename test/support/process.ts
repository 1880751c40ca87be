import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inject, onTestFinished } from 'vitest';
import { keepLog } from './no-secrets.ts';

/** The command line as it is installed: built, with nothing of our environment but PATH. */
export interface Process {
  readonly folder: string;
  readonly child: ChildProcess;
  /** What it printed so far, on both streams. */
  output(): string;
  /** What of that is for people: all but the lines of a log. */
  words(): string;
  /** What it printed on standard error. */
  errors(): string;
  /** Waits for a text in what it prints. */
  prints(text: string | RegExp): Promise<string>;
  /** Its exit code, or the signal that ended it. */
  ended: Promise<number | string | null>;
}

export interface How {
  /** What it prints is for its caller's eyes, and no log. */
  readonly private?: boolean;
  /** A command that starts the process in its turn. */
  readonly wrapper?: readonly string[];
}

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

/** Starts `weapp-login` in an empty folder; it ends with the test at the latest. */
export function run(
  args: readonly string[],
  env?: Record<string, string>,
  folder?: string,
  how?: How,
): Process {
  return runScript(MAIN, args, env, folder, how);
}

/** The same with another script. */
export function runScript(
  script: string,
  args: readonly string[],
  env: Record<string, string> = {},
  folder?: string,
  how: How = {},
): Process {
  const cwd = folder ?? mkdtempSync(join(inject('folder'), 'process-'));
  const [command = '', ...rest] = [...(how.wrapper ?? []), process.execPath, script, ...args];
  const child = spawn(command, rest, { cwd, env: { PATH: process.env['PATH'], ...env } });
  let printed = '';
  let errors = '';
  child.stderr.on('data', (text: string) => {
    errors += text;
  });
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      printed += text;
      if (!how.private) keepLog(text);
      child.emit('printed');
    });
  }
  const ended = once(child, 'close').then(([code, signal]) => code ?? signal);
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  return {
    folder: cwd,
    child,
    ended,
    output: () => printed,
    words: () => printed.replace(/^\{.*\n/gm, ''),
    errors: () => errors,
    async prints(text) {
      const pattern =
        typeof text === 'string' ? new RegExp(text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')) : text;
      while (!pattern.test(printed)) {
        const [code] = await Promise.race([once(child, 'printed'), once(child, 'close')]);
        if (code !== undefined && !pattern.test(printed))
          throw new Error(`ended without ${pattern}:\n${printed}`);
      }
      return printed.match(pattern)?.[1] ?? '';
    },
  };
}

/** Starts the server on a free port and waits until it listens. */
export async function runServer(
  env: Record<string, string> = {},
  folder?: string,
  how?: How,
): Promise<Process & { url: string }> {
  const server = run(['start'], { PORT: '0', ...env }, folder, how);
  const url = await server.prints(/"url":"([^"]+)"/);
  return { ...server, url };
}
