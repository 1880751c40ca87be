import { setTimeout as wait } from 'node:timers/promises';

/** What one login of a steady load came to. */
export interface Attempt {
  readonly openid: string;
  readonly startedAt: number;
  readonly ms: number;
  readonly status: number;
  readonly code: string | undefined;
}

export interface Load {
  /** Ends the load and answers every attempt, in the order of their ends. */
  stop(): Promise<Attempt[]>;
  readonly attempts: readonly Attempt[];
}

/**
 * Logs new users in, one after the other in each of several lanes. The stand-in for WeChat makes the openid of the code.
 * @param urls servers, taken in turn
 */
export function startLoad(urls: readonly string[], lanes: number): Load {
  const attempts: Attempt[] = [];
  let running = true;
  let count = 0;

  async function lane(): Promise<void> {
    while (running) {
      const code = `load${String(count++).padStart(24, '0')}`;
      const url = urls[count % urls.length];
      const startedAt = performance.now();
      const response = await fetch(`${url}/api/wxuser`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ code }),
      });
      const { code: refusal } = (await response.json()) as { code?: string };
      const ms = performance.now() - startedAt;
      attempts.push({
        openid: `o${code}`.slice(0, 28),
        startedAt,
        ms,
        status: response.status,
        code: refusal,
      });
      await wait(2); // a steady load, not a full one
    }
  }

  const all = Promise.all(Array.from({ length: lanes }, lane));
  return {
    attempts,
    async stop() {
      running = false;
      await all;
      return attempts;
    },
  };
}

/** Figures of a load, for the record. */
export function summarize(attempts: readonly Attempt[]): Record<string, number> {
  const good = attempts.filter((attempt) => attempt.status === 200);
  const ends = good.map((attempt) => attempt.startedAt + attempt.ms).toSorted((a, b) => a - b);
  const gaps = ends.slice(1).map((end, index) => end - (ends[index] ?? end));
  return {
    logins: attempts.length,
    refused: attempts.length - good.length,
    longestStallMs: Math.round(Math.max(0, ...gaps)),
    slowestMs: Math.round(Math.max(0, ...attempts.map((attempt) => attempt.ms))),
  };
}
