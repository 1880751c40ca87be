import { setTimeout as wait } from 'node:timers/promises';

/** How a client of some kind is made, watched and ended. */
export interface Kind<Client> {
  make(): Promise<Client>;
  /** Makes it ready to work. */
  connect(client: Client): Promise<unknown>;
  /** Fails when the client is of no more use. */
  check(client: Client): Promise<unknown>;
  /** Calls back when it knows by itself that it is of no more use. */
  onLost(client: Client, lost: (cause: Error) => void): void;
  destroy(client: Client): void;
}

/** One client at a time: whenever it fails or hangs, another takes its place. */
export interface Connection<Client> {
  /** The client, if there is one now; waits for the first. @throws {Error} why there is none */
  client(): Promise<Client>;
  readonly up: boolean;
  close(): Promise<void>;
}

export interface Watch {
  /** The longest that connecting or checking may take. */
  readonly timeoutMs: number;
  /** Told once that there is no client, and once that there is one again. */
  readonly changed: (up: boolean, cause?: Error) => void;
}

const RETRY_MS = 100;
/** How often a client is asked whether it is still of use. */
export const CHECK_EVERY_MS = 1000;

/**
 * Keeps a client open. node-redis reconnects by itself, but always to the same address, and waits as long as the
 * network does for a server that swallows what it is sent.
 */
export function keepOpen<Client>(kind: Kind<Client>, { timeoutMs, changed }: Watch): Connection<Client> {
  const closing = new AbortController();
  let current: Client | undefined;
  let cause = new Error('not connected yet');
  let tried: () => void = () => undefined;
  let giveUp: (cause: Error) => void = () => undefined;
  const firstTry = new Promise<void>((resolve) => (tried = resolve));
  const done = keep();

  async function keep(): Promise<void> {
    let wasUp = true;
    while (!closing.signal.aborted) {
      let client: Client | undefined;
      let connecting: Promise<unknown> | undefined;
      const lost = new Promise<never>((_resolve, reject) => (giveUp = reject));
      lost.catch(() => undefined);
      try {
        client = await Promise.race([kind.make(), lost]);
        connecting = kind.connect(client);
        await withDeadline(Promise.race([connecting, lost]), timeoutMs);
        current = client;
        if (!wasUp) changed(true);
        wasUp = true;
        tried();
        await watch(client, lost);
      } catch (error) {
        cause = error as Error;
      }
      current = undefined;
      if (client) end(client, connecting);
      if (closing.signal.aborted) break;
      if (wasUp) changed(false, cause);
      wasUp = false;
      tried();
      await wait(RETRY_MS, undefined, { signal: closing.signal }).catch(() => undefined);
    }
    tried();
  }

  function end(client: Client, connecting: Promise<unknown> | undefined): void {
    kind.destroy(client);
    // node-redis goes on with a connection that it was making, and would keep it, and with it the process.
    const again = () => kind.destroy(client);
    connecting?.then(again, again);
  }

  function watch(client: Client, lost: Promise<never>): Promise<never> {
    const reject = giveUp;
    kind.onLost(client, reject);
    const checks = setInterval(
      () => void withDeadline(kind.check(client), timeoutMs).catch(reject),
      CHECK_EVERY_MS,
    );
    return lost.finally(() => clearInterval(checks));
  }

  return {
    async client() {
      await firstTry;
      if (current) return current;
      throw cause;
    },
    get up() {
      return current !== undefined;
    },
    async close() {
      closing.abort();
      giveUp(new Error('closed'));
      await done;
    },
  };
}

/** @throws {Error} when it takes longer */
export async function withDeadline<T>(work: Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
