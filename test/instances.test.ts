import { describe, expect, onTestFinished, test } from 'vitest';
import { freshMysql, mysqlUrl, redisThere } from './support/engines.ts';
import { run, runServer } from './support/process.ts';
import { startRedis } from './support/redis.ts';
import { spread } from './support/session-load.ts';

const JWT_SECRET = 'eMsft9ydoEYJ07v0LfjLfg2ArfXsSaZi6dx3Syho';

interface User {
  readonly id: number;
  readonly token: string;
}

/** Two server processes on one database, and what a client does with them. */
async function startTwo(more: Record<string, string>) {
  const database = await freshMysql();
  onTestFinished(database.drop);
  const env = { JWT_SECRET, DATABASE_URL: database.url, LOGIN_RATE_LIMIT: '1000000', ...more };
  const [one, other] = [(await runServer(env)).url, (await runServer(env)).url];

  const ask = async (url: string, method: string, path: string, token = '', body?: unknown) => {
    const response = await fetch(url + path, {
      method,
      headers: { 'Content-Type': 'application/json', Authorization: token },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    // biome-ignore lint/suspicious/noExplicitAny: a reply is whatever the server sends
    return { status: response.status, body: (await response.json()) as any };
  };

  return {
    ask,
    one,
    /** Logs in on the first; both have let the user in, and remember it. */
    async login(user: string): Promise<User> {
      const { body: button } = await ask(one, 'POST', '/sandbox/login-button', '', { user });
      const { body } = await ask(one, 'POST', '/api/wxuser', '', button);
      for (const url of [one, other])
        expect((await ask(url, 'GET', '/api/wxuser/me', body.token)).status).toBe(200);
      return { id: body.user.id, token: body.token };
    },
    /**
     * Asks the other until it refuses: the time until that answer, and how often it had let the user in. By a route that
     * looks at nothing but the session.
     */
    async refusedAfter({ token }: User): Promise<{ ms: number; letIn: number }> {
      const started = performance.now();
      for (let letIn = 0; ; letIn++) {
        const { status, body } = await ask(other, 'GET', '/api/wxuser/sessions', token);
        if (status === 200) continue;
        expect(body.code).toMatch(/^(?:session_ended|user_banned)$/);
        return { ms: performance.now() - started, letIn };
      }
    },
    command: async (...args: string[]) => {
      const command = run(args, env, undefined, { private: true });
      expect(await command.ended, command.output()).toBe(0);
    },
  };
}
type Two = Awaited<ReturnType<typeof startTwo>>;

/** What ends a session on the first server, and how often it is measured with and without Redis. */
const ENDS: [string, number, number, (two: Two, user: User) => Promise<unknown>][] = [
  ['log out', 200, 5, ({ ask, one }, { token }) => ask(one, 'POST', '/api/wxuser/logout', token)],
  ['erase the account', 50, 5, ({ ask, one }, { token }) => ask(one, 'DELETE', '/api/wxuser/me', token)],
  ['ban, from the command line', 5, 2, ({ command }, { id }) => command('ban', String(id))],
];

function print(name: string, results: readonly { ms: number; letIn: number }[]): void {
  const figures = {
    times: results.length,
    refusedInTheNextRequest: results.filter(({ letIn }) => letIn === 0).length,
    ...spread(results.map(({ ms }) => ms).toSorted((a, b) => a - b)),
  };
  process.stdout.write(`${name}, refused by the other server after: ${JSON.stringify(figures)}\n`);
}

describe.skipIf(!mysqlUrl)('two server processes on MariaDB', () => {
  test.skipIf(!redisThere).each(ENDS)(
    'with Redis: %s on one, and the other, which would remember it for an hour, refuses',
    { timeout: 60_000 },
    async (name, times, _without, end) => {
      const redis = await startRedis();
      onTestFinished(redis.stop);
      const two = await startTwo({ REDIS_URL: redis.url, SESSION_CACHE_SECONDS: '3600' });
      const results = [];
      for (let i = 0; i < times; i++) {
        const user = await two.login(`user ${i}`);
        await end(two, user);
        results.push(await two.refusedAfter(user));
      }
      print(`with Redis: ${name}`, results);
      // It is told before the answer of the first: all but a few that a busy machine delays.
      const atOnce = results.filter(({ letIn }) => letIn === 0).length;
      expect(atOnce).toBeGreaterThanOrEqual(Math.floor(0.95 * times));
    },
  );

  test.each(ENDS)(
    'without Redis: %s on one, and the other refuses when SESSION_CACHE_SECONDS are over',
    { timeout: 60_000 },
    async (name, _with, times, end) => {
      const two = await startTwo({ SESSION_CACHE_SECONDS: '1' });
      const results = [];
      for (let i = 0; i < times; i++) {
        const user = await two.login(`user ${i}`);
        await end(two, user);
        results.push(await two.refusedAfter(user));
      }
      print(`without Redis, SESSION_CACHE_SECONDS=1: ${name}`, results);
    },
  );
});
