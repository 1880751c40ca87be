/** Connections to one server. */
export interface ConnectionPool<Connection> {
  /** @throws what opening one said when there is none, or `POOL_BUSY` when none becomes free in time */
  acquire(): Promise<Connection>;
  /** Gives it to whoever waits longest. */
  release(connection: Connection): void;
  /** A connection has ended, or is not to be used any more. */
  remove(connection: Connection): void;
  /** Closes those that nobody uses. */
  closeIdle(): void;
  /** Closes all; whoever waits is told the cause. The pool can be used again. */
  closeAll(cause: Error): void;
}

export interface PoolOptions<Connection> {
  /** The most connections. */
  readonly size: number;
  /** The longest that anybody waits for one, in milliseconds. */
  readonly timeoutMs: number;
  open(): Promise<Connection>;
  close(connection: Connection): void;
  /** Whether an error of `open` only says that there will not be another connection now: those that are open go on. */
  isOnlyFull(error: unknown): boolean;
  /** Told once when the server gives fewer connections than `size`, with the cause, and once when it gives all. */
  onLimit(limit: { readonly connections: number; readonly cause: unknown } | undefined): void;
}

interface Waiter<Connection> {
  resolve(connection: Connection): void;
  reject(error: Error): void;
}

/** Who comes beyond these is refused at once: they could not be served in time. */
const MOST_WAITING = 1000;

/** After a refusal another connection is asked for when so much time has passed, and somebody waits. */
const GROW_AFTER_MS = 2000;

/**
 * A pool that goes on with the connections there are when the server gives no more of them. mysql2's own pool fails
 * whoever asked for the connection that was refused, while others come back in a millisecond.
 */
export function createConnectionPool<Connection>(
  options: PoolOptions<Connection>,
): ConnectionPool<Connection> {
  const { size, timeoutMs } = options;
  const all = new Set<Connection>();
  const idle: Connection[] = [];
  const waiting = new Set<Waiter<Connection>>();
  let opening = 0;
  let generation = 0;
  let limit: { connections: number; growAt: number; cause: unknown; told: boolean } | undefined;

  return {
    acquire() {
      const connection = idle.pop();
      if (connection !== undefined) return Promise.resolve(connection);
      if (waiting.size >= MOST_WAITING)
        return Promise.reject(busy(`${MOST_WAITING} requests wait for a connection already`));
      return new Promise((resolve, reject) => {
        const timer = setTimeout(
          () => done(() => reject(busy(`no connection was free within ${timeoutMs} ms${limited()}`))),
          timeoutMs,
        );
        const waiter = {
          resolve: (connection: Connection) => done(() => resolve(connection)),
          reject: (error: Error) => done(() => reject(error)),
        };
        waiting.add(waiter);
        grow();

        function done(settle: () => void): void {
          clearTimeout(timer);
          waiting.delete(waiter);
          settle();
        }
      });
    },

    release(connection) {
      if (all.has(connection)) give(connection);
    },

    remove(connection) {
      if (!all.delete(connection)) return;
      const index = idle.indexOf(connection);
      if (index >= 0) idle.splice(index, 1);
      grow();
    },

    closeIdle() {
      for (const connection of idle.splice(0)) {
        all.delete(connection);
        options.close(connection);
      }
    },

    closeAll(cause) {
      generation += 1;
      opening = 0;
      idle.length = 0;
      limit = undefined;
      const closed = [...all];
      all.clear();
      for (const connection of closed) options.close(connection);
      for (const waiter of [...waiting]) waiter.reject(cause);
    },
  };

  function give(connection: Connection): void {
    const [waiter] = waiting;
    if (waiter) waiter.resolve(connection);
    else idle.push(connection);
  }

  /** Opens as many as are waited for and may be. */
  function grow(): void {
    while (waiting.size > opening && all.size + opening < most()) void openOne();
  }

  function most(): number {
    if (!limit) return size;
    const tryOneMore = performance.now() >= limit.growAt ? 1 : 0;
    return Math.min(size, limit.connections + tryOneMore);
  }

  async function openOne(): Promise<void> {
    const begun = generation;
    opening += 1;
    try {
      const connection = await options.open();
      if (begun !== generation) return options.close(connection);
      opening -= 1;
      all.add(connection);
      widen();
      tell();
      give(connection);
      grow();
    } catch (error) {
      if (begun !== generation) return;
      opening -= 1;
      refused(error);
    }
  }

  function refused(error: unknown): void {
    const connections = all.size + opening;
    if (connections > 0 && options.isOnlyFull(error)) {
      limit = {
        connections,
        growAt: performance.now() + GROW_AFTER_MS,
        cause: error,
        told: limit?.told ?? false,
      };
      tell();
      return;
    }
    // Nobody else is in the way: whoever waits longest learns why.
    const [waiter] = waiting;
    waiter?.reject(error as Error);
    grow();
  }

  /** One more than the limit was given: the next may be too. */
  function widen(): void {
    if (!limit || all.size <= limit.connections) return;
    limit.connections = all.size;
    if (all.size < size) return;
    if (limit.told) options.onLimit(undefined);
    limit = undefined;
  }

  /** Once it is known how many there are. */
  function tell(): void {
    if (!limit || limit.told || opening > 0 || all.size === 0) return;
    limit.told = true;
    options.onLimit({ connections: all.size, cause: limit.cause });
  }

  function limited(): string {
    if (!limit) return '';
    return `; the server gives ${limit.connections} of ${size}: ${(limit.cause as Error).message}`;
  }
}

function busy(message: string): Error {
  return Object.assign(new Error(message), { code: 'POOL_BUSY' });
}
