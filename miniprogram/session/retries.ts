import { SessionError } from './error.js';
import type { Clock } from './platform.js';

const FIRST_WAIT_MS = 1_000;
/** Who is asked to wait longer is told so instead. */
const LONGEST_WAIT_MS = 30_000;

/** Repeats what fails with `later`, so many times: after Retry-After, else after 1 s, 2 s, 4 s …, give or take. */
export async function withRetries<T>(clock: Clock, retries: number, attempt: () => Promise<T>): Promise<T> {
  for (let tries = 0; ; tries++) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof SessionError) || error.retry !== 'later' || tries >= retries) throw error;
      const ms = waitOf(error, tries);
      if (ms > LONGEST_WAIT_MS) throw error;
      await new Promise<void>((resolve) => void clock.after(ms, resolve));
    }
  }
}

/** Not the same for all phones: they would come back together. */
function waitOf({ retryAfter }: SessionError, tries: number): number {
  if (retryAfter !== undefined) return retryAfter * 1000 + Math.random() * 500;
  return FIRST_WAIT_MS * 2 ** tries * (0.5 + Math.random() / 2);
}
