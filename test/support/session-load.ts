import { setTimeout as wait } from 'node:timers/promises';

/** What a steady load of logins and logouts met so far. */
export interface SessionLoad {
  readonly logouts: number;
  /** Answers 503 `database_unavailable`. */
  readonly refused: number;
  /** Anything that must not happen, in words. */
  readonly wrong: readonly string[];
  stop(): Promise<SessionFigures>;
}

export interface SessionFigures {
  readonly logouts: number;
  readonly refused: number;
  /** Requests with the token of a session that had ended, and was refused. */
  readonly endedTokensRefused: number;
  /** From the answer of a logout to the first refusal by the other server, in ms, sorted. */
  readonly lags: readonly number[];
  /** The longest time without a logout that succeeded. */
  readonly longestStallMs: number;
}

/** So long the message of an end may be on its way to another server. */
const ON_ITS_WAY_MS = 1000;

interface Answer {
  readonly status: number;
  readonly code: string | undefined;
  readonly body: { readonly token?: string };
}

/**
 * In each lane users log in on one of two servers, are let in by both, log out, and are refused by both from then on. The
 * stand-in for WeChat makes the openid of the code.
 */
export function startSessionLoad(urls: readonly [string, string], lanes: number): SessionLoad {
  const wrong: string[] = [];
  const ended: string[] = [];
  const lags: number[] = [];
  const logouts: number[] = [];
  let [refused, endedTokensRefused, count, running] = [0, 0, 0, true];

  async function ask(
    url: string,
    method: string,
    path: string,
    token?: string,
    body?: object,
  ): Promise<Answer> {
    const headers = { 'Content-Type': 'application/json', ...(token && { Authorization: token }) };
    const response = await fetch(url + path, {
      method,
      headers,
      ...(body && { body: JSON.stringify(body) }),
    });
    const answer = (await response.json()) as { token?: string; code?: string };
    const { status } = response;
    if (status === 503 && answer.code === 'database_unavailable') refused += 1;
    else if (status !== 200 && answer.code !== 'session_ended')
      wrong.push(`${method} ${path} answered ${status} ${answer.code}`);
    return { status, code: answer.code, body: answer };
  }

  /** Asks with the token of a session that has ended; 200 is wrong as soon as the server must know. */
  async function askEnded(url: string, token: string, mustKnow: boolean): Promise<boolean> {
    const { status } = await ask(url, 'GET', '/api/wxuser/me', token);
    if (status === 200 && mustKnow) wrong.push('a session that had ended was accepted');
    if (status === 401) endedTokensRefused += 1;
    return status === 401;
  }

  async function untilRefused(url: string, token: string): Promise<void> {
    const started = performance.now();
    for (;;) {
      const now = performance.now() - started;
      if (await askEnded(url, token, now > ON_ITS_WAY_MS)) return void lags.push(now);
      if (!running || now > 30_000) return;
    }
  }

  async function lane(): Promise<void> {
    while (running) {
      const code = `load${String(count++).padStart(24, '0')}`;
      const [here, there] = count % 2 === 0 ? urls : [urls[1], urls[0]];
      const { body } = await ask(here, 'POST', '/api/wxuser', undefined, { code });
      if (body.token) await session(here, there, body.token);
      await wait(5); // a steady load, not a full one
    }
  }

  async function session(here: string, there: string, token: string): Promise<void> {
    for (const url of [here, there]) await ask(url, 'GET', '/api/wxuser/me', token);
    const { status } = await ask(here, 'POST', '/api/wxuser/logout', token);
    if (status !== 200) return;
    logouts.push(performance.now());
    await askEnded(here, token, true);
    await untilRefused(there, token);
    const earlier = ended[Math.floor(Math.random() * ended.length)];
    if (earlier) for (const url of urls) await askEnded(url, earlier, true);
    ended.push(token);
  }

  const all = Promise.all(Array.from({ length: lanes }, lane));
  return {
    get logouts() {
      return logouts.length;
    },
    get refused() {
      return refused;
    },
    wrong,
    async stop() {
      running = false;
      await all;
      // Once more, every one of them, on both.
      for (const token of ended) for (const url of urls) await askEnded(url, token, true);
      const gaps = logouts.slice(1).map((at, i) => at - (logouts[i] ?? at));
      return {
        logouts: logouts.length,
        refused,
        endedTokensRefused,
        lags: lags.toSorted((a, b) => a - b),
        longestStallMs: Math.round(Math.max(0, ...gaps)),
      };
    },
  };
}

/** Of sorted figures: the middle, the 99th of 100, the last. */
export function spread(sorted: readonly number[]): Record<'p50' | 'p99' | 'max', string> {
  const at = (part: number) => `${(sorted[Math.ceil(part * sorted.length) - 1] ?? 0).toFixed(1)} ms`;
  return { p50: at(0.5), p99: at(0.99), max: at(1) };
}
