import { setTimeout as pause } from 'node:timers/promises';

const LONGEST_WAIT_MS = 25_000;

/** Waits for a state that is announced to nobody: asks every 50 ms until it holds; a question that fails is asked again. */
export async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + LONGEST_WAIT_MS;
  let cause: unknown;
  do {
    try {
      cause = undefined;
      if (await holds()) return;
    } catch (error) {
      cause = error;
    }
    await pause(50);
  } while (Date.now() < deadline);
  throw new Error(`still not so after ${LONGEST_WAIT_MS} ms: ${what}`, { cause });
}
