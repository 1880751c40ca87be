import { setTimeout as wait } from 'node:timers/promises';
import { AppError } from './errors.ts';

export interface Waiting {
  /** How long to wait; 0 fails at once. */
  readonly waitMs: number;
  /** Told once that it is waited for, and why. */
  readonly waits: (reason: string) => void;
  /** Told that waiting has helped. */
  readonly isUp: () => void;
}

const PAUSE_MS = 500;

/** What a server that answers says, which waiting does not change. */
const SETTLED =
  /^SQLITE_(?!BUSY|LOCKED)|Access denied|Unknown database|is not allowed to connect|does not let a session be set|is blocked because|certificate|does not support (?:secure|SSL|authentication)|\b(?:WRONGPASS|NOAUTH|NOPERM|ERR) /;

/**
 * Does what needs a database or Redis, again and again while that has not started yet.
 * @throws {AppError} `database_unavailable` once the time is over, or at once where waiting does not help
 */
export async function whenUp<T>(work: () => Promise<T>, { waitMs, waits, isUp }: Waiting): Promise<T> {
  const end = performance.now() + waitMs;
  for (let attempt = 1; ; attempt++) {
    try {
      const result = await work();
      if (attempt > 1) isUp();
      return result;
    } catch (error) {
      const reason = reasonToWait(error);
      const leftMs = end - performance.now();
      if (reason === undefined || leftMs <= 0) throw error;
      if (attempt === 1) waits(reason);
      await wait(Math.min(PAUSE_MS, leftMs));
    }
  }
}

function reasonToWait(error: unknown): string | undefined {
  if (!(error instanceof AppError) || error.code !== 'database_unavailable') return undefined;
  const { reason = '' } = error;
  return SETTLED.test(reason) ? undefined : reason;
}
