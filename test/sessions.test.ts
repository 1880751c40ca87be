import { sql } from 'kysely';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { deviceOf, placeOf } from '../src/auth/device.ts';
import { createSeal } from '../src/auth/seal.ts';
import { remembering, type Sessions, type Standing } from '../src/auth/sessions.ts';
import { createAdministration } from '../src/db/administration.ts';
import { openDatabase } from '../src/db/open.ts';
import { type Answer, realSettings, startApp, type TestApp } from './support/app.ts';
import { engines, type FreshDatabase, freshSqlite, redisThere } from './support/engines.ts';
import { type Redis, startRedis } from './support/redis.ts';
import { errcode, held as heldAnswer, startStandIn, token } from './support/wechat.ts';

const SECRET = { JWT_SECRET: 'eMsft9ydoEYJ07v0LfjLfg2ArfXsSaZi6dx3Syho' };
const IPHONE =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) MicroMessenger/8.0.50(0x18003230) NetType/WIFI';

/** Longer than any token lives. */
const MONTHS = 100 * 86_400_000;

/** Every engine, alone and beside Redis. */
const stores = engines.flatMap(({ name, fresh }) => [
  { name, fresh, redis: false },
  ...(redisThere ? [{ name: `${name} and Redis`, fresh, redis: true }] : []),
]);

describe.each(stores)('sessions, on $name', ({ fresh, redis }) => {
  let database: FreshDatabase;
  let env: Record<string, string>;
  let app: TestApp;
  let server: Redis | undefined;
  beforeEach(async () => {
    database = await fresh();
    server = redis ? await startRedis() : undefined;
    env = { ...SECRET, ...(server && { REDIS_URL: server.url }) };
    app = await startApp({ database, env });
    return async () => {
      await app.close();
      await server?.stop();
      await database.drop();
    };
  });

  async function sessionRows() {
    const { db } = await openDatabase(database.url);
    return db
      .selectFrom('wxsession')
      .select('sid')
      .execute()
      .finally(() => db.destroy());
  }
  async function login(user = 'Ada', headers: Record<string, string> = {}) {
    const { body } = await app.call('POST', '/api/wxuser', await app.button({ user }), headers);
    return { headers: { Authorization: body.token as string }, id: body.user.id as number };
  }
  const me = (headers: Record<string, string>, on = app) =>
    on.call('GET', '/api/wxuser/me', undefined, headers);
  const expectEnded = ({ status, body }: Answer) =>
    expect({ status, ...body }).toMatchObject({ status: 401, code: 'session_ended', retry: 'login' });

  test('logout ends this session, and no other', async () => {
    const [one, two] = [await login(), await login()];
    expect((await me(one.headers)).status).toBe(200); // remembered from now on
    const { status, body } = await app.call('POST', '/api/wxuser/logout', undefined, one.headers);
    expect({ status, ...body }).toMatchObject({ status: 200, messages: '已退出登录' });
    expectEnded(await me(one.headers));
    expect((await me(two.headers)).status).toBe(200);
  });

  test('logout with {all: true} ends every session of mine, and none of others', async () => {
    const [one, two, bob] = [await login(), await login(), await login('Bob')];
    for (const { headers } of [one, two, bob]) await me(headers);
    await app.call('POST', '/api/wxuser/logout', { all: true }, one.headers);
    expectEnded(await me(one.headers));
    expectEnded(await me(two.headers));
    expect((await me(bob.headers)).status).toBe(200);
  });

  test('my sessions: device, place and times, the newest first, this one marked; no session_key', async () => {
    await login('Ada', { 'User-Agent': IPHONE });
    const { headers } = await login();
    const { body } = await app.call('GET', '/api/wxuser/sessions', undefined, headers);
    expect(body.sessions).toHaveLength(2);
    expect(body.sessions.map((session: { current: boolean }) => session.current).toSorted()).toEqual([
      false,
      true,
    ]);
    const phone = body.sessions.find((session: { current: boolean }) => !session.current);
    expect(phone).toEqual({
      id: expect.stringMatching(/^[\w-]{22}$/),
      device: 'iPhone · WeChat 8.0.50',
      place: '127.0.0.*',
      createdAt: expect.stringMatching(/Z$/),
      lastUsedAt: expect.stringMatching(/Z$/),
      expiresAt: expect.stringMatching(/Z$/),
      current: false,
    });
  });

  test('I end another session of mine; somebody else’s is not found, and goes on', async () => {
    const [one, two, bob] = [await login(), await login(), await login('Bob')];
    const list = async (headers: Record<string, string>) =>
      (await app.call('GET', '/api/wxuser/sessions', undefined, headers)).body.sessions as {
        id: string;
        current: boolean;
      }[];
    const [bobs] = await list(bob.headers);
    const foreign = await app.call('DELETE', `/api/wxuser/sessions/${bobs?.id}`, undefined, one.headers);
    expect(foreign.body).toMatchObject({ status: 404, code: 'not_found', messages: '没有这个接口或记录' });
    const nonsense = await app.call('DELETE', '/api/wxuser/sessions/%E4%BD%A0', undefined, one.headers);
    expect(nonsense.body).toMatchObject({ status: 404, code: 'not_found' });
    expect((await me(bob.headers)).status).toBe(200);

    await me(two.headers);
    const other = (await list(one.headers)).find((session) => !session.current);
    expect(
      (await app.call('DELETE', `/api/wxuser/sessions/${other?.id}`, undefined, one.headers)).status,
    ).toBe(200);
    expectEnded(await me(two.headers));
    expect((await me(one.headers)).status).toBe(200);
  });

  test('at most SESSION_LIMIT sessions per user: the oldest ends', async () => {
    let clock = new Date();
    const limited = await startApp({ database, env: { ...env, SESSION_LIMIT: '2' }, now: () => clock });
    const tokens = [];
    for (let i = 0; i < 3; i++) {
      const { token } = (await limited.login({ user: 'Ada' })).body;
      expect((await me({ Authorization: token }, limited)).status).toBe(200); // remembered from now on
      tokens.push(token);
      clock = new Date(clock.getTime() + 1000);
    }
    const answers = [];
    for (const Authorization of tokens) answers.push(await me({ Authorization }, limited));
    expect(answers.map((answer) => answer.status)).toEqual([401, 200, 200]);
    await limited.close();
  });

  test('erasing the account takes the row, the sessions and every token; the next login is a new user', async () => {
    const [one, two, bob] = [await login(), await login(), await login('Bob')];
    for (const { headers } of [one, two]) await me(headers);
    const { body } = await app.call('DELETE', '/api/wxuser/me', undefined, one.headers);
    expect(body).toMatchObject({ status: 200, messages: '账号已注销' });
    expectEnded(await me(one.headers));
    expectEnded(await me(two.headers));
    expect((await app.rows()).map((row) => row.id)).toEqual([bob.id]);
    expect((await app.login({ user: 'Ada' })).body).toMatchObject({ isNew: true });
    expect((await me(bob.headers)).status).toBe(200);
  });

  test('the export holds my row and my sessions, and no session_key', async () => {
    const { headers, id } = await login();
    const { body } = await app.call('GET', '/api/wxuser/me/export', undefined, headers);
    const [row] = await app.rows();
    expect(body.wxuser).toEqual({ ...row, id });
    expect(body.wxsession).toHaveLength(1);
    expect(body.wxuser_merged).toEqual([]);
    expect(body.wxsession_revoked).toEqual([]);
    expect(JSON.stringify(body)).not.toMatch(/session_key|sessionKey/);

    const [bob, other] = [await login('Bob'), await login()];
    for (const each of [bob, other]) await app.call('POST', '/api/wxuser/logout', undefined, each.headers);
    const { body: after } = await app.call('GET', '/api/wxuser/me/export', undefined, headers);
    const kept = { sid: expect.stringMatching(/^[\w-]{22}$/), wxuser_id: id, expires_at: expect.any(String) };
    expect(after.wxsession_revoked).toEqual(redis ? [kept] : []);
  });

  test.each([
    ['erased', sql`DELETE FROM wxuser`],
    ['logged out everywhere', sql`UPDATE wxuser SET session_generation = session_generation + 1`],
  ])('a login of who is %s meanwhile opens no session', async (_name, meanwhile) => {
    const wechat = await startStandIn();
    const real = await startApp({ database, env: { ...env, ...realSettings(wechat.url), ...SECRET } });
    const held = heldAnswer(errcode(-1));
    wechat.answerAt('/wxa/business/getuserphonenumber', held.reply);
    wechat.answerAt('/cgi-bin/stable_token', token());
    const login = real.call('POST', '/api/wxuser', { code: 'code', phoneCode: 'a'.repeat(64) });
    await held.asked; // his row is read, his session is not opened
    await real.sql(meanwhile);
    held.letGo();
    expectEnded(await login);
    if (server) expect(await server.cli('KEYS', '*:session*')).toBe('');
    else expect(await sessionRows()).toEqual([]);
    await real.close();
  });

  test('another instance learns of the end of a session within SESSION_CACHE_SECONDS; with 0 at once', async () => {
    const others = [
      await startApp({ database, env: { ...env, SESSION_CACHE_SECONDS: '1' } }),
      await startApp({ database, env: { ...env, SESSION_CACHE_SECONDS: '0' } }),
    ] as const;
    const { headers } = await login();
    for (const other of others) expect((await me(headers, other)).status).toBe(200);
    await app.call('POST', '/api/wxuser/logout', undefined, headers);
    expectEnded(await me(headers, others[1]));
    await expect.poll(async () => (await me(headers, others[0])).status, { interval: 20 }).toBe(401);
    for (const other of others) await other.close();
  });

  test('a ban reaches a live token as user_banned', async () => {
    const strict = await startApp({ database, env: { ...env, SESSION_CACHE_SECONDS: '0' } });
    const { headers } = await login();
    await app.sql(sql`UPDATE wxuser SET status = 'banned'`);
    for (const path of ['/api/wxuser/me', '/api/wxuser/sessions']) {
      expect((await strict.call('GET', path, undefined, headers)).body).toMatchObject({
        status: 403,
        code: 'user_banned',
      });
    }
    await strict.close();
  });
});

describe.each(stores)('a ban and a session that is not used, on $name', ({ fresh, redis }) => {
  const MINUTE = 60_000;
  let clock: Date;
  const pass = (minutes: number, ms = 0) => {
    clock = new Date(clock.getTime() + minutes * MINUTE + ms);
  };
  async function start(more: Record<string, string> = {}) {
    const [database, server] = [await fresh(), redis ? await startRedis() : undefined];
    onTestFinished(async () => {
      await server?.stop();
      await database.drop();
    });
    clock = new Date();
    const env = { ...SECRET, SESSION_CACHE_SECONDS: '0', ...(server && { REDIS_URL: server.url }), ...more };
    const app = await startApp({ database, env, now: () => clock });
    const opened = await openDatabase(database.url);
    onTestFinished(() => opened.db.destroy());
    const administration = createAdministration(opened, () => clock);
    return { app, server, administration };
  }
  const login = async (app: TestApp, user = 'Ada') => {
    const { body } = await app.login({ user });
    expect(body).toMatchObject({ status: 200 });
    return { headers: { Authorization: body.token as string }, id: body.user.id as number };
  };
  const codeOf = async (app: TestApp, headers: Record<string, string>) => {
    const { status, body } = await app.call('GET', '/api/wxuser/sessions', undefined, headers);
    return status === 200 ? (body.sessions as unknown[]).length : [status, body.code];
  };

  test('while a user is banned every old token is told so; after the ban each has ended', async () => {
    const { app, administration } = await start();
    const [one, two, bob] = [await login(app), await login(app), await login(app, 'Bob')];
    const out = await login(app);
    await app.call('POST', '/api/wxuser/logout', undefined, out.headers);
    await administration.setStatus([one.id], 'banned');
    for (const { headers } of [one, two]) {
      expect(await codeOf(app, headers)).toEqual([403, 'user_banned']);
      for (const [method, path] of [
        ['DELETE', '/api/wxuser/me'],
        ['POST', '/api/wxuser/logout'],
      ] as const) {
        const { status, body } = await app.call(method, path, undefined, headers);
        expect([status, body.code]).toEqual([403, 'user_banned']);
      }
    }
    expect(await codeOf(app, out.headers)).toEqual([401, 'session_ended']);
    expect(await codeOf(app, bob.headers)).toBe(1);
    await administration.setStatus([one.id], 'banned'); // a repeat
    expect(await codeOf(app, one.headers)).toEqual([403, 'user_banned']);
    await administration.setStatus([one.id], 'active');
    for (const { headers } of [one, two]) expect(await codeOf(app, headers)).toEqual([401, 'session_ended']);
    const again = await login(app);
    expect(await codeOf(app, again.headers)).toBe(1);
    await administration.setStatus([one.id], 'active'); // who is not banned stays logged in
    expect(await codeOf(app, again.headers)).toBe(1);
  });

  test('nor does the end of a ban revive a session of who was banned in the table by hand', async () => {
    const { app, administration } = await start();
    const { headers, id } = await login(app);
    await app.sql(sql`UPDATE wxuser SET status = 'banned'`);
    expect(await codeOf(app, headers)).toEqual([403, 'user_banned']);
    await administration.setStatus([id], 'active');
    expect(await codeOf(app, headers)).toEqual([401, 'session_ended']);
  });

  test('a session that was not used for SESSION_IDLE has ended; one in use goes on', async () => {
    const { app, server } = await start({ SESSION_IDLE: '10m' });
    const [used, unused] = [await login(app), await login(app)];
    expect(await codeOf(app, used.headers)).toBe(2);
    for (let i = 0; i < 3; i++) {
      pass(9);
      expect(await codeOf(app, used.headers)).toBe(i === 0 ? 2 : 1);
    }
    expect(await codeOf(app, unused.headers)).toEqual([401, 'session_ended']);
    pass(9, 59_000);
    expect(await codeOf(app, used.headers)).toBe(1);
    pass(10, 1);
    expect(await codeOf(app, used.headers)).toEqual([401, 'session_ended']);
    expect(await codeOf(app, (await login(app)).headers)).toBe(1);
    for (const key of (await server?.cli('KEYS', '*:session:*'))?.split('\n') ?? [])
      expect(Number(await server?.cli('PTTL', key))).toBeLessThanOrEqual(11 * MINUTE);
  });

  test('by default a session lives as long as its token', async () => {
    const { app } = await start();
    const { headers } = await login(app);
    pass(6 * 24 * 60);
    expect(await codeOf(app, headers)).toBe(1);
  });
});

describe.each(engines)('sessions in the database, on $name', ({ fresh }) => {
  test('all that are too many end, also where SESSION_LIMIT was lowered by hundreds', async () => {
    const database = await fresh();
    const app = await startApp({ database, env: { ...SECRET, SESSION_LIMIT: '5' } });
    const { id } = (await app.login({ user: 'Ada' })).body.user;
    const { db } = await openDatabase(database.url);
    const row = await db.selectFrom('wxsession').selectAll().executeTakeFirstOrThrow();
    const earlier = Array.from({ length: 300 }, (_, i) => ({
      ...row,
      sid: `earlier-${i}`,
      created_at: '2020-01-01 00:00:00.000',
    }));
    await db.insertInto('wxsession').values(earlier).execute();
    await app.login({ user: 'Ada' });
    expect(await db.selectFrom('wxsession').where('wxuser_id', '=', id).select('sid').execute()).toHaveLength(
      5,
    );
    await db.destroy();
    await app.close();
    await database.drop();
  });

  test.runIf(redisThere)('what is left from before a move into Redis, or out of it, goes too', async () => {
    const [database, redis] = [await fresh(), await startRedis()];
    onTestFinished(redis.stop);
    let clock = new Date();
    const start = (env: Record<string, string>) =>
      startApp({ database, env: { ...SECRET, ...env }, now: () => clock });
    const [alone, beside] = [await start({}), await start({ REDIS_URL: redis.url })];
    const { db } = await openDatabase(database.url);
    const left = async () =>
      (await db.selectFrom('wxsession').select('sid').execute()).length +
      (await db.selectFrom('wxsession_revoked').select('sid').execute()).length;
    for (const app of [alone, beside]) {
      clock = new Date();
      const other = app === alone ? beside : alone;
      const { body } = await other.login({ user: 'Ada' });
      if (other === beside)
        await other.call('POST', '/api/wxuser/logout', undefined, { Authorization: body.token });
      expect(await left()).toBeGreaterThan(0);
      clock = new Date(Date.now() + MONTHS);
      for (let i = 0; i < 20; i++) await app.login({ user: 'Ada' });
      expect(await left()).toBe(10); // of those logins: what lives, or what the limit has ended
      await db.deleteFrom('wxsession').execute();
    }
    await db.destroy();
    await Promise.all([alone.close(), beside.close()]);
    await database.drop();
  });

  test('expired ones go by themselves', async () => {
    const database = await fresh();
    let clock = new Date(Date.now() - 30 * 86_400_000);
    const app = await startApp({ database, env: SECRET, now: () => clock });
    for (let i = 0; i < 3; i++) await app.login({ user: `gone ${i}` });
    clock = new Date();
    for (let i = 0; i < 20; i++) await app.login({ user: `here ${i}` });
    const { db } = await openDatabase(database.url);
    expect(await db.selectFrom('wxsession').select('sid').execute()).toHaveLength(20);
    await db.destroy();
    await app.close();
    await database.drop();
  });

  test('hundreds that expired go a batch at a time, with the logins', async () => {
    const database = await fresh();
    const app = await startApp({ database, env: SECRET });
    const { db } = await openDatabase(database.url);
    const count = async () => (await db.selectFrom('wxsession').select('sid').execute()).length;
    await app.login({ user: 'Ada' });
    const row = await db.selectFrom('wxsession').selectAll().executeTakeFirstOrThrow();
    const expired = Array.from({ length: 1200 }, (_, i) => ({
      ...row,
      sid: `expired-${i}`,
      wxuser_id: Number(row.wxuser_id) + 1,
      expires_at: '2020-01-01 00:00:00.000',
    }));
    await db.insertInto('wxsession').values(expired).execute();
    let before = await count();
    for (let i = 0; i < 60; i++) {
      await app.login({ user: 'Ada' });
      const now = await count();
      expect(before - now).toBeLessThanOrEqual(500);
      before = now;
    }
    expect(before).toBe(10); // what lives
    await db.destroy();
    await app.close();
    await database.drop();
  });

  test.runIf(redisThere)('what is kept of those that ended early in Redis goes by itself', async () => {
    const [database, redis] = [await fresh(), await startRedis()];
    onTestFinished(redis.stop);
    let clock = new Date();
    const app = await startApp({ database, env: { ...SECRET, REDIS_URL: redis.url }, now: () => clock });
    const { db } = await openDatabase(database.url);
    const logInAndOut = async () => {
      const { body } = await app.login({ user: 'Ada' });
      await app.call('POST', '/api/wxuser/logout', undefined, { Authorization: body.token });
    };
    const kept = async () => (await db.selectFrom('wxsession_revoked').select('sid').execute()).length;
    for (let i = 0; i < 3; i++) await logInAndOut();
    expect(await kept()).toBe(3);
    clock = new Date(Date.now() + MONTHS);
    for (let i = 0; i < 20; i++) await logInAndOut();
    expect(await kept()).toBe(20);
    await db.destroy();
    await app.close();
    await database.drop();
  });
});

describe('the seal', () => {
  const [old, young] = ['the-old-secret-of-32-bytes-or-more-01', 'the-new-secret-of-32-bytes-or-more-02'];
  const before = createSeal({ secret: old, previousSecrets: [] });

  test('opens what an earlier secret sealed while that is kept', () => {
    const sealed = before.close('a session_key');
    expect(createSeal({ secret: young, previousSecrets: [old] }).open(sealed)).toBe('a session_key');
    expect(createSeal({ secret: young, previousSecrets: [] }).open(sealed)).toBeUndefined();
  });

  test('what a server sealed can be opened with its secret', async () => {
    const database = await freshSqlite();
    const app = await startApp({ database, env: SECRET });
    await app.login({ user: 'Ada' });
    const { db } = await openDatabase(database.url);
    const { session_key: sealed } = await db
      .selectFrom('wxsession')
      .select('session_key')
      .executeTakeFirstOrThrow();
    await db.destroy();
    const seal = createSeal({ secret: SECRET.JWT_SECRET, previousSecrets: [] });
    expect(seal.open(sealed)).toMatch(/^[A-Za-z0-9+/]{22}==$/);
    expect(before.open(sealed)).toBeUndefined();
    await app.close();
  });

  test('does not open what was tampered with', () => {
    const sealed = before.close('a session_key');
    for (const forged of [
      '',
      'x',
      sealed.slice(0, -2),
      sealed.replace(/\.[^.]+$/, '.AAAA'),
      sealed.split('.').slice(0, 3).join('.'),
    ]) {
      expect(before.open(forged)).toBeUndefined();
    }
  });

  test('never seals the same twice', () => {
    expect(before.close('k')).not.toBe(before.close('k'));
  });
});

test('an answer that was under way when the session ended is not remembered', async () => {
  let answer: (standing: Standing) => void = () => undefined;
  const slow: Sessions = {
    open: async () => [],
    standing: () => new Promise((resolve) => (answer = resolve)),
    find: async () => undefined,
    list: async () => [],
    end: async () => true,
    endAll: async () => undefined,
    forget: async () => undefined,
  };
  const sessions = remembering(slow, 60);
  const asked = sessions.standing(1, 'sid');
  await sessions.end(1, 'sid');
  answer('good'); // the database had read it before the end
  expect(await asked).toBe('good');
  const again = sessions.standing(1, 'sid');
  answer('ended');
  expect(await again).toBe('ended');
});

test.each([
  [IPHONE, 'iPhone · WeChat 8.0.50'],
  [
    'Mozilla/5.0 (Linux; Android 13; 2211133C Build/TKQ1.220905.001; wv) MicroMessenger/8.0.42.2460',
    '2211133C · WeChat 8.0.42.2460',
  ],
  [
    'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15) wechatdevtools/1.06 MicroMessenger/8.0.5',
    'DevTools · WeChat 8.0.5',
  ],
  ['curl/8.0', 'unknown'],
  ['', 'unknown'],
])('a device is named: %s', (userAgent, name) => {
  expect(deviceOf(userAgent)).toBe(name);
});

test.each([
  ['203.0.113.7', '203.0.113.*'],
  ['::ffff:203.0.113.7', '203.0.113.*'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:*'],
  ['203.0.113.7:5678', '203.0.113.*'],
  ['[2001:db8:1::9]:443', '2001:db8:1:*'],
  ['::1', 'unknown'],
  ['', 'unknown'],
  ['unknown', 'unknown'],
  ['<b>:a:b:c', 'unknown'],
  ['1.2.3.4.5', 'unknown'],
])('a place is told without its last part: %s', (address, place) => {
  expect(placeOf(address)).toBe(place);
});
