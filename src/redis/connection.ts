import { setTimeout as wait } from 'node:timers/promises';

/** How a client of some kind is made, watched and ended. */
export interface Kind<Client> {
  make(): Promise<Client>;
  /** Makes it ready to work. Answers why it can only read, if that is so. */
  connect(client: Client): Promise<Error | undefined>;
  /** Fails when the client is of no more use. Answers why it can only read, if that is so. */
  check(client: Client): Promise<Error | undefined>;
  /** Whether another client may write where this one can only read, for that cause. */
  mayMove(cause: Error): boolean;
  /** Calls back when it knows by itself that it is of no more use. */
  onLost(client: Client, lost: (cause: Error) => void): void;
  destroy(client: Client): void;
}

/** `reads`: there is a client, which cannot write now. */
export type Health = 'up' | 'reads' | 'down';

/** One client at a time: whenever it fails or hangs, another takes its place. */
export interface Connection<Client> {
  /** The client, if there is one now; waits for the first. @throws {Error} why there is none */
  client(): Promise<Client>;
  readonly up: boolean;
  /** Why the client can only read, if that is so. */
  readonly limit: Error | undefined;
  close(): Promise<void>;
}

export interface Watch {
  /** The longest that connecting or checking may take. */
  readonly timeoutMs: number;
  /** Told once of each change. */
  readonly changed: (health: Health, cause?: Error) => void;
}

interface Opened<Client> {
  readonly client: Client;
  readonly limit: Error | undefined;
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
  let current: Opened<Client> | undefined;
  let health: Health = 'up';
  let cause = new Error('not connected yet');
  let tried: () => void = () => undefined;
  let giveUp: (cause: Error) => void = () => undefined;
  const firstTry = new Promise<void>((resolve) => (tried = resolve));
  const done = keep();

  async function keep(): Promise<void> {
    let next: Opened<Client> | undefined;
    while (!closing.signal.aborted) {
      const lost = new Promise<never>((_resolve, reject) => (giveUp = reject));
      lost.catch(() => undefined);
      let opened: Opened<Client> | undefined;
      try {
        opened = next ?? (await open(lost));
        next = undefined;
        use(opened);
        tried();
        next = await watch(opened.client, lost);
      } catch (error) {
        cause = error as Error;
      }
      current = undefined;
      if (opened) kind.destroy(opened.client);
      if (closing.signal.aborted) break;
      if (next) continue;
      report('down', cause);
      tried();
      await wait(RETRY_MS, undefined, { signal: closing.signal }).catch(() => undefined);
    }
    if (next) kind.destroy(next.client);
    tried();
  }

  /** A client that is ready to work; of one that fails nothing is left. */
  async function open(lost: Promise<never>): Promise<Opened<Client>> {
    const client = await Promise.race([kind.make(), lost]);
    const connecting = kind.connect(client);
    try {
      return { client, limit: await withDeadline(Promise.race([connecting, lost]), timeoutMs) };
    } catch (error) {
      kind.destroy(client);
      // node-redis goes on with a connection that it was making, and would keep it, and with it the process.
      const again = () => kind.destroy(client);
      connecting.then(again, again);
      throw error;
    }
  }

  /** Checks a client until it is lost, or there is one that can write where it cannot. */
  async function watch(client: Client, lost: Promise<never>): Promise<Opened<Client>> {
    kind.onLost(client, giveUp);
    for (;;) {
      await Promise.race([wait(CHECK_EVERY_MS, undefined, { signal: closing.signal }), lost]);
      const limit = await withDeadline(Promise.race([kind.check(client), lost]), timeoutMs);
      use({ client, limit });
      if (!limit || !kind.mayMove(limit)) continue;
      const other = await open(lost).catch(() => undefined);
      if (other && !other.limit) return other;
      if (other) kind.destroy(other.client);
    }
  }

  function use(opened: Opened<Client>): void {
    current = opened;
    report(opened.limit ? 'reads' : 'up', opened.limit);
  }

  function report(now: Health, why?: Error): void {
    if (now === health) return;
    health = now;
    changed(now, why);
  }

  return {
    async client() {
      await firstTry;
      if (current) return current.client;
      throw cause;
    },
    get up() {
      return current !== undefined;
    },
    get limit() {
      return current?.limit;
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
