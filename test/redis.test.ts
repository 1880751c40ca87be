import { createHash } from 'node:crypto';
import { sql } from 'kysely';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { startApp, type TestApp } from './support/app.ts';
import { type FreshDatabase, freshSqlite, redisThere } from './support/engines.ts';
import { run } from './support/process.ts';
import { startProxy } from './support/proxy.ts';
import { type Redis, startRedis } from './support/redis.ts';

/** Remembered for so long that only what is told can end a session. */
const SECRET = { JWT_SECRET: 'eMsft9ydoEYJ07v0LfjLfg2ArfXsSaZi6dx3Syho', SESSION_CACHE_SECONDS: '3600' };

const ENDED = { status: 401, code: 'session_ended', retry: 'login' };
const UNAVAILABLE = { status: 503, code: 'database_unavailable', retry: 'later' };

describe.skipIf(!redisThere)('with REDIS_URL', () => {
  let database: FreshDatabase;
  let redis: Redis;
  beforeEach(async () => {
    [database, redis] = [await freshSqlite(), await startRedis()];
    return () => redis.stop().then(database.drop);
  });

  const start = (env: Record<string, string> = {}, now?: () => Date) =>
    startApp({ database, env: { ...SECRET, REDIS_URL: redis.url, ...env }, ...(now && { now }) });

  /** Two instances, and a user whose session both remember. */
  async function startTwo(env: Record<string, string> = {}) {
    const [one, other] = [await start(env), await start(env)];
    return { one, other, ada: await remembered(one, other) };
  }

  async function remembered(one: TestApp, other: TestApp, user = 'Ada') {
    const { body } = await one.login({ user });
    const headers = { Authorization: body.token as string };
    for (const app of [one, other]) expect((await me(app, headers)).status).toBe(200);
    return { headers, id: String(body.user.id) };
  }

  const me = (app: TestApp, headers: Record<string, string>) =>
    app.call('GET', '/api/wxuser/me', undefined, headers);
  const refusedBy = (app: TestApp, headers: Record<string, string>) =>
    expect.poll(async () => (await me(app, headers)).body, { interval: 5 });
  const keys = async () => (await redis.cli('KEYS', '*')).split('\n').filter(Boolean).toSorted();
  const logged = (app: TestApp, msg: string) => app.log.filter((line) => line['msg'] === msg);

  /** Takes the subscriptions away; the answer gives them back. */
  async function silence(...apps: TestApp[]): Promise<() => Promise<void>> {
    await redis.cli('ACL', 'SETUSER', 'default', '-subscribe');
    await redis.cli('CLIENT', 'KILL', 'TYPE', 'pubsub');
    for (const app of apps) await expect.poll(() => logged(app, 'redis subscription left')).toHaveLength(1);
    return async () => {
      await redis.cli('ACL', 'SETUSER', 'default', '+subscribe');
      for (const app of apps)
        await expect.poll(() => logged(app, 'redis subscription is back')).toHaveLength(1);
    };
  }

  describe('what ends on one instance has ended on the other, although that remembers it', () => {
    test.each<[string, (one: TestApp, headers: Record<string, string>) => Promise<unknown>]>([
      ['logout', (one, headers) => one.call('POST', '/api/wxuser/logout', undefined, headers)],
      ['logout everywhere', (one, headers) => one.call('POST', '/api/wxuser/logout', { all: true }, headers)],
      ['an erased account', (one, headers) => one.call('DELETE', '/api/wxuser/me', undefined, headers)],
      [
        'a session ended from the list',
        async (one, headers) => {
          const { body } = await one.call('GET', '/api/wxuser/sessions', undefined, headers);
          await one.call('DELETE', `/api/wxuser/sessions/${body.sessions[0].id}`, undefined, headers);
        },
      ],
    ])('%s', async (_name, end) => {
      const { one, other, ada } = await startTwo();
      const bob = await remembered(one, other, 'Bob');
      await end(one, ada.headers);
      expect((await me(one, ada.headers)).body).toMatchObject(ENDED);
      await refusedBy(other, ada.headers).toMatchObject(ENDED);
      for (const app of [one, other]) expect((await me(app, bob.headers)).status).toBe(200);
    });

    test('the session that a newer one pushes out', async () => {
      const { one, other, ada } = await startTwo({ SESSION_LIMIT: '1' });
      expect((await other.login({ user: 'Ada' })).status).toBe(200);
      await refusedBy(one, ada.headers).toMatchObject(ENDED);
      expect((await me(other, ada.headers)).body).toMatchObject(ENDED);
    });

    test('what the command line does: end-sessions, ban, unban', { timeout: 60_000 }, async () => {
      const { one, other, ada } = await startTwo();
      const command = async (...args: string[]) => {
        const env = { ...SECRET, DATABASE_URL: database.url, REDIS_URL: redis.url };
        const process = run(args, env, undefined, { private: true });
        return { code: await process.ended, output: process.words() };
      };
      expect((await command('users', 'Ada')).output).toContain(`${ada.id}  Ada  active, 1 sessions`);
      const ended = await command('end-sessions', ada.id);
      expect(ended).toEqual({ code: 0, output: `ended 1 sessions of user ${ada.id}\n` });
      for (const app of [one, other]) await refusedBy(app, ada.headers).toMatchObject(ENDED);

      const again = await remembered(one, other);
      expect(await command('ban', ada.id)).toEqual({ code: 0, output: `user ${ada.id} is banned\n` });
      for (const app of [one, other])
        await refusedBy(app, again.headers).toMatchObject({ status: 403, code: 'user_banned' });
      expect((await command('unban', ada.id)).code).toBe(0);
      for (const app of [one, other]) await refusedBy(app, again.headers).toMatchObject(ENDED);
    });
  });

  test('a session stands under a key that holds openid and userId, and goes by itself', async () => {
    const app = await start();
    const { body } = await app.login({ user: 'Ada' });
    const [row] = await app.rows();
    const [session = '', index] = await keys();
    expect(session).toMatch(/^weapp-login:\{1\}:session:[\w-]{22}$/);
    expect(index).toBe('weapp-login:{1}:sessions');
    expect(JSON.parse(await redis.cli('GET', session))).toMatchObject({
      openid: row?.user_id,
      userId: row?.id,
      place: '127.0.0.*',
      expiresAt: body.expiresAt,
    });
    const left = new Date(body.expiresAt).getTime() - Date.now();
    for (const key of [session, index ?? '']) {
      const ttl = Number(await redis.cli('PTTL', key));
      expect(Math.abs(ttl - left)).toBeLessThan(10_000);
    }

    await app.call('DELETE', '/api/wxuser/me', undefined, { Authorization: body.token });
    expect(await keys()).toEqual([]);
  });

  test('so does that of the Koa tutorial’s login, whose token is no key to be guessed', async () => {
    const app = await start();
    const { code } = await app.button({ user: 'Ada' });
    const { body } = await app.call('POST', '/user/wechatlogin', { code });
    const [row] = await app.rows();
    const [session = ''] = await keys();
    expect(JSON.parse(await redis.cli('GET', session))).toMatchObject({
      openid: row?.user_id,
      userId: row?.id,
    });
    const md5 = createHash('md5')
      .update(row?.user_id ?? '')
      .digest('hex');
    expect([...(await keys()), body.data.token].join()).not.toContain(md5);
    expect((await me(app, { token: body.data.token })).status).toBe(200);
    await app.call('POST', '/api/wxuser/logout', undefined, { token: body.data.token });
    expect((await me(app, { token: body.data.token })).body).toMatchObject(ENDED);
    expect(await keys()).toEqual([]);
  });

  test('deployments with prefixes of their own share a Redis', async () => {
    const [one, other] = [await start(), await start({ REDIS_URL: `${redis.url}?prefix=other:` })];
    const { body } = await one.login({ user: 'Ada' });
    const headers = { Authorization: body.token as string };
    expect((await me(one, headers)).status).toBe(200);
    expect((await me(other, headers)).body).toMatchObject(ENDED);
    await other.login({ user: 'Ada' });
    expect((await keys()).map((key) => key.replace(/\{.*/, '')).toSorted()).toEqual([
      'other:',
      'other:',
      'weapp-login:',
      'weapp-login:',
    ]);
  });

  test('logging out everywhere, and erasing, reach what Redis has forgotten to be this user’s', async () => {
    const app = await start({ SESSION_CACHE_SECONDS: '0' });
    const login = async () => ({ Authorization: (await app.login({ user: 'Ada' })).body.token as string });
    const mine = [await login(), await login()];
    await redis.cli('DEL', 'weapp-login:{1}:sessions'); // as a Redis that may evict does
    await app.call('POST', '/api/wxuser/logout', { all: true }, mine[0]);
    for (const headers of mine) expect((await me(app, headers)).body).toMatchObject(ENDED);

    const again = await login();
    await redis.cli('DEL', 'weapp-login:{1}:sessions');
    const env = { ...SECRET, DATABASE_URL: database.url, REDIS_URL: redis.url };
    expect(await run(['end-sessions', '1'], env, undefined, { private: true }).ended).toBe(0);
    expect((await me(app, again)).body).toMatchObject(ENDED);

    await redis.cli('FLUSHALL');
    const last = await login();
    await redis.cli('DEL', 'weapp-login:{1}:sessions');
    expect((await app.call('DELETE', '/api/wxuser/me', undefined, last)).status).toBe(200);
    expect(await keys()).toEqual([]);
  });

  test.each([
    ['end-sessions', 'ended the sessions of user 1', ENDED],
    ['ban', 'user 1 is banned', { status: 403, code: 'user_banned' }],
  ])(
    '%s while Redis is away is in the database: refused by the next question',
    async (name, said, refused) => {
      const { one, other, ada } = await startTwo();
      const bob = await remembered(one, other, 'Bob');
      await redis.kill();
      for (const app of [one, other])
        await expect.poll(() => logged(app, 'redis subscription left')).toHaveLength(1);
      const env = { ...SECRET, DATABASE_URL: database.url, REDIS_URL: `${redis.url}?timeout=200` };
      const command = run([name, ada.id], env, undefined, { private: true });
      expect(await command.ended).toBe(0);
      expect(command.words()).toContain(`${said}; running servers know within 3600 s (Redis at `);
      for (const app of [one, other]) {
        expect((await me(app, ada.headers)).body).toMatchObject(refused);
        expect((await me(app, bob.headers)).status).toBe(200);
      }
    },
  );

  test('what ended with all others stays ended when the sessions move into Redis, out of it, and back', async () => {
    const moved = async (env: Record<string, string>, headers: Record<string, string>) => {
      const app = await startApp({ database, env: { ...SECRET, ...env } });
      const answer = await me(app, headers);
      const user = { Authorization: (await app.login({ user: 'Ada' })).body.token as string };
      await app.call('POST', '/api/wxuser/logout', { all: true }, user);
      const kept = { Authorization: (await app.login({ user: 'Ada' })).body.token as string };
      await app.close();
      return { answer, kept };
    };
    const [alone, beside] = [{}, { REDIS_URL: redis.url }];
    const first = await moved(alone, {});
    const second = await moved(beside, first.kept);
    const third = await moved(alone, first.kept);
    const fourth = await moved(beside, second.kept);
    for (const { answer } of [second, third, fourth]) expect(answer.body).toMatchObject(ENDED);
  });

  test('what is kept of another user’s sessions says nothing of mine', async () => {
    const app = await start({ SESSION_CACHE_SECONDS: '0' });
    const headers = { Authorization: (await app.login({ user: 'Ada' })).body.token as string };
    const { body } = await app.call('GET', '/api/wxuser/sessions', undefined, headers);
    await app.sql(sql`INSERT INTO wxsession_revoked (sid, wxuser_id, expires_at)
      VALUES (${body.sessions[0].id}, 99, '2999-01-01 00:00:00.000')`);
    expect((await me(app, headers)).status).toBe(200);
    const again = await app.call('GET', '/api/wxuser/sessions', undefined, headers);
    expect(again.body.sessions).toHaveLength(1);
  });

  test('a session of another generation is in no list, and cannot be found', async () => {
    const { one, ada } = await startTwo({ SESSION_CACHE_SECONDS: '0' });
    await redis.cli('SAVE');
    await one.call('POST', '/api/wxuser/logout', { all: true }, ada.headers);
    await one.sql(sql`DELETE FROM wxsession_revoked`);
    await redis.kill();
    await redis.start();
    await expect.poll(async () => (await one.call('GET', '/readyz')).status).toBe(200);
    const Authorization = (await one.login({ user: 'Ada' })).body.token as string;
    const list = await one.call('GET', '/api/wxuser/sessions', undefined, { Authorization });
    expect(list.body.sessions).toHaveLength(1);
    expect(list.body.sessions[0].current).toBe(true);
  });

  test('who does not hear the others asks, and what was told meanwhile is not missed', async () => {
    const { one, other, ada } = await startTwo();
    const [bob, eve] = [await remembered(one, other, 'Bob'), await remembered(one, other, 'Eve')];
    const listenAgain = await silence(one, other);

    await one.call('POST', '/api/wxuser/logout', undefined, ada.headers);
    expect((await me(other, ada.headers)).body).toMatchObject(ENDED); // asked, although remembered
    expect((await me(other, bob.headers)).status).toBe(200);

    await one.call('POST', '/api/wxuser/logout', undefined, eve.headers);
    await listenAgain();
    expect((await me(other, eve.headers)).body).toMatchObject(ENDED); // not remembered from before
    expect((await me(other, bob.headers)).status).toBe(200);
  });

  test('who is cut off without a word refuses what ended meanwhile, although that is remembered', async () => {
    const proxy = await startProxy(redis.port);
    onTestFinished(proxy.cut);
    const one = await start();
    const other = await start({ REDIS_URL: `redis://127.0.0.1:${proxy.port}?timeout=300` });
    const [ada, bob] = [await remembered(one, other), await remembered(one, other, 'Bob')];
    proxy.swallow(); // neither end of the subscription is told
    await one.call('POST', '/api/wxuser/logout', undefined, ada.headers);
    await expect
      .poll(async () => (await me(other, ada.headers)).body, { interval: 20, timeout: 5000 })
      .toMatchObject(ENDED);
    expect((await me(other, bob.headers)).status).toBe(200);
  });

  test('while Redis is away: logins 503, what is remembered goes on, who ended or is banned is refused', async () => {
    const { one, other, ada } = await startTwo();
    const [bob, eve] = [await remembered(one, other, 'Bob'), await remembered(one, other, 'Eve')];
    const unknown = { Authorization: (await one.login({ user: 'Una' })).body.token as string };
    const out = { Authorization: (await one.login({ user: 'Out' })).body.token as string };
    await one.call('POST', '/api/wxuser/logout', undefined, out);
    await redis.kill();
    for (const app of [one, other])
      await expect.poll(() => logged(app, 'redis subscription left')).toHaveLength(1);

    expect((await one.login({ user: 'Ada' })).body).toMatchObject(UNAVAILABLE);
    expect((await one.call('GET', '/readyz')).body).toMatchObject(UNAVAILABLE);
    expect((await one.call('GET', '/api/wxuser/sessions', undefined, ada.headers)).body).toMatchObject(
      UNAVAILABLE,
    );
    expect((await one.call('POST', '/api/wxuser/logout', undefined, ada.headers)).body).toMatchObject(
      UNAVAILABLE,
    );
    expect((await one.call('DELETE', '/api/wxuser/me', undefined, eve.headers)).body).toMatchObject(
      UNAVAILABLE,
    );
    expect((await other.rows()).map((row) => row.nickName)).toContain('Eve'); // nothing half erased
    // The logout above was not done, so the other instance goes on with what it remembers.
    expect((await me(other, ada.headers)).status).toBe(200);
    expect((await me(one, unknown)).body).toMatchObject(UNAVAILABLE);
    for (const app of [one, other]) {
      expect((await me(app, out)).body).toMatchObject(ENDED);
      expect((await me(app, bob.headers)).status).toBe(200);
    }
    await one.sql(sql`UPDATE wxuser SET status = 'banned' WHERE id = ${Number(bob.id)}`);
    for (const app of [one, other])
      expect((await me(app, bob.headers)).body).toMatchObject({ status: 403, code: 'user_banned' });
    const refusal = one.log.find((line) => line['status'] === 503 && line['path'] === '/api/wxuser');
    expect(refusal?.['reason']).toMatch(/^Redis at 127\.0\.0\.1:\d+: \w+/);

    await redis.start();
    await expect.poll(async () => (await one.call('GET', '/readyz')).status).toBe(200);
    expect((await one.login({ user: 'Ada' })).status).toBe(200);
    // It kept nothing, so everybody logs in again.
    for (const app of [one, other]) await refusedBy(app, ada.headers).toMatchObject(ENDED);
  });

  test('what is remembered serves no longer than SESSION_CACHE_SECONDS while Redis is away', async () => {
    const app = await start({ SESSION_CACHE_SECONDS: '1' });
    const { body } = await app.login({ user: 'Ada' });
    const headers = { Authorization: body.token as string };
    expect((await me(app, headers)).status).toBe(200);
    await redis.kill();
    await refusedBy(app, headers).toMatchObject(UNAVAILABLE);
  });

  test('a Redis that forgot the end of a session lets nobody in', async () => {
    const { one, other, ada } = await startTwo({ SESSION_CACHE_SECONDS: '0', SESSION_LIMIT: '2' });
    const bob = await remembered(one, other, 'Bob');
    const eve = await remembered(one, other, 'Eve');
    await redis.cli('SAVE'); // a snapshot of a time when all of them were logged in
    const saved = await keys();
    await one.call('POST', '/api/wxuser/logout', undefined, ada.headers);
    await one.call('POST', '/api/wxuser/logout', { all: true }, bob.headers);
    for (let i = 0; i < 2; i++) await one.login({ user: 'Eve' }); // pushes her first session out
    await redis.kill();
    await redis.start();
    await expect.poll(async () => (await one.call('GET', '/readyz')).status).toBe(200);
    expect(await keys()).toEqual(saved); // they are all in there again
    for (const { headers } of [ada, bob, eve])
      for (const app of [one, other]) expect((await me(app, headers)).body).toMatchObject(ENDED);

    const { body } = await one.login({ user: 'Ada' });
    const headers = { Authorization: body.token as string };
    const mine = await one.call('GET', '/api/wxuser/sessions', undefined, headers);
    expect(mine.body.sessions).toHaveLength(1);
  });

  test('a Redis that swallows what it is sent is left; the next one is found', async () => {
    const proxy = await startProxy(redis.port);
    onTestFinished(proxy.cut);
    const app = await start({ REDIS_URL: `redis://127.0.0.1:${proxy.port}?timeout=300` });
    expect((await app.login({ user: 'Ada' })).status).toBe(200);
    proxy.swallow();
    expect((await app.login({ user: 'Ada' })).body).toMatchObject(UNAVAILABLE);
    await proxy.mend(); // for new connections; the old ones stay as they are
    await expect.poll(async () => (await app.login({ user: 'Ada' })).status, { timeout: 10_000 }).toBe(200);
    expect(app.log.find((line) => line['msg'] === 'redis left')?.['reason']).toBe('no answer within 300 ms');
  });

  test('a server that takes connections and refuses to work is not called back', async () => {
    const app = await start();
    const connections = async (...login: string[]) =>
      Number(/total_connections_received:(\d+)/.exec(await redis.cli(...login, 'INFO', 'stats'))?.[1]);
    await redis.cli('CONFIG', 'SET', 'requirepass', 'changed');
    await redis.cli('-a', 'changed', '--no-auth-warning', 'CLIENT', 'KILL', 'TYPE', 'normal');
    const before = await connections('-a', 'changed', '--no-auth-warning');
    const since = async () => (await connections('-a', 'changed', '--no-auth-warning')) - before;
    await expect.poll(since, { timeout: 10_000 }).toBeGreaterThan(60);
    expect(logged(app, 'redis is back')).toEqual([]);
    await redis.cli('-a', 'changed', '--no-auth-warning', 'CONFIG', 'SET', 'requirepass', '');
    await expect.poll(async () => (await app.login({ user: 'Ada' })).status).toBe(200);
    expect(logged(app, 'redis is back')).toHaveLength(1);
  });

  test.each([
    ['a server', (port: number) => `redis://127.0.0.1:${port}?timeout=300`],
    ['a Cluster', (port: number) => `redis-cluster://127.0.0.1:${port}?timeout=300`],
    ['Sentinels', (port: number) => `redis-sentinel://127.0.0.1:${port}/mymaster?timeout=300`],
  ])(
    'the start ends with the cause, and the process with it, where %s swallows what it is sent',
    async (_name, urlOf) => {
      const proxy = await startProxy(redis.port);
      onTestFinished(proxy.cut);
      proxy.swallow();
      const server = run(['start'], {
        ...{ ...SECRET, START_WAIT: '0' },
        ...{ DATABASE_URL: database.url, REDIS_URL: urlOf(proxy.port) },
      });
      expect(await server.ended).toBe(1);
      expect(server.output()).toMatch(/^database_unavailable: Redis at [\d.:]+: /m);
    },
  );

  test('a server that became a replica is read, while another one is looked for', async () => {
    const other = await startRedis();
    onTestFinished(other.stop);
    const app = await start({ SESSION_CACHE_SECONDS: '0' });
    const ada = { Authorization: (await app.login({ user: 'Ada' })).body.token as string };
    // One that hears nothing of its master keeps what it has.
    await redis.cli('CONFIG', 'SET', 'masterauth', 'wrong');
    await redis.cli('REPLICAOF', '127.0.0.1', `${other.port}`);
    const onlyRead = () => logged(app, 'redis can only be read: users stay logged in, logins fail');
    await expect.poll(onlyRead, { timeout: 10_000 }).toHaveLength(1);
    expect(onlyRead()[0]).toMatchObject({
      reason: expect.stringMatching(/^READONLY/),
      todo: expect.stringContaining('redis-sentinel://'),
    });
    expect((await me(app, ada)).status).toBe(200);
    expect((await app.login({ user: 'Ada' })).body).toMatchObject(UNAVAILABLE);
    // What others would not hear is not done; what the master may know is not denied.
    expect((await app.call('POST', '/api/wxuser/logout', { all: true }, ada)).body).toMatchObject(
      UNAVAILABLE,
    );
    await redis.cli('REPLICAOF', 'NO', 'ONE'); // stands for the name that leads to another one
    await expect.poll(async () => (await app.login({ user: 'Ada' })).status, { timeout: 10_000 }).toBe(200);
    await expect.poll(() => logged(app, 'redis is back'), { timeout: 10_000 }).toHaveLength(1);
    expect(logged(app, 'redis left')).toEqual([]);
    expect((await me(app, ada)).body).toMatchObject(ENDED);
  });

  test('Redis is full: logins are 503, who is logged in goes on and can log out', async () => {
    let clock = new Date();
    const app = await start({ SESSION_CACHE_SECONDS: '0' }, () => clock);
    const { body } = await app.login({ user: 'Ada' });
    const headers = { Authorization: body.token as string };
    await redis.cli('CONFIG', 'SET', 'maxmemory', '1');
    clock = new Date(clock.getTime() + 120_000); // the last use is to be noted again
    expect((await app.login({ user: 'Bob' })).body).toMatchObject(UNAVAILABLE);
    expect((await app.call('GET', '/readyz')).body).toMatchObject(UNAVAILABLE);
    expect((await me(app, headers)).status).toBe(200);
    expect((await app.call('POST', '/api/wxuser/logout', undefined, headers)).status).toBe(200);
    expect((await me(app, headers)).body).toMatchObject(ENDED);
  });

  test('a password that is wrong, or missing, ends the start with the cause', async () => {
    await redis.cli('CONFIG', 'SET', 'requirepass', 'the-right-password');
    await expect(start()).rejects.toMatchObject({
      code: 'database_unavailable',
      reason: expect.stringMatching(/^Redis at [\d.:]+: NOAUTH/),
    });
    const url = (password: string) => redis.url.replace('//', `//:${password}@`);
    await expect(start({ REDIS_URL: url('a-wrong-password') })).rejects.toMatchObject({
      reason: expect.stringMatching(/^Redis at [\d.:]+: WRONGPASS/),
    });
    const app = await start({ REDIS_URL: url('the-right-password') });
    expect((await app.login({ user: 'Ada' })).status).toBe(200);
  });
});
