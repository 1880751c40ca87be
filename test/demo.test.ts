import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { type Answer, realSettings, startApp, type TestApp } from './support/app.ts';
import { engines, type FreshDatabase, freshSqlite, redisThere } from './support/engines.ts';
import { startRedis } from './support/redis.ts';

/** Remembered for so long that only what is told can end it. */
const ENV = { SESSION_CACHE_SECONDS: '3600' };
const FORM = { 'Content-Type': 'application/x-www-form-urlencoded' };

const of = ({ status, body }: Answer) => [status, body.code];
/** By a route that looks at nothing but the session. */
const ask = (app: TestApp, token: string) =>
  app.call('GET', '/api/wxuser/sessions', undefined, { Authorization: token });
const show = (app: TestApp, user = 'Ada') => app.call('GET', `/sandbox/demo/users/${user}`);
const ban = (app: TestApp, banned: unknown, user = 'Ada') =>
  app.call('PUT', `/sandbox/demo/users/${user}`, { banned });
const expire = (app: TestApp, session: unknown, user = 'Ada') =>
  app.call('POST', `/sandbox/demo/users/${user}/expired-token`, { session });
const sidOf = async (app: TestApp, user = 'Ada'): Promise<string> =>
  (await show(app, user)).body.sessions[0].id;

/** A token whose session the server remembers as good. */
async function remembered(app: TestApp, user = 'Ada'): Promise<string> {
  const { token } = (await app.login({ user })).body;
  expect((await ask(app, token)).status).toBe(200);
  return token;
}

function claimsOf(token: string) {
  return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
}

describe.each(engines)('what the demo page asks for, on $name', ({ fresh }) => {
  let database: FreshDatabase;
  let clock: Date;
  let app: TestApp;
  beforeEach(async () => {
    database = await fresh();
    clock = new Date();
    app = await startApp({ database, env: ENV, now: () => clock });
    return () => app.close().then(database.drop);
  });

  test('the row as it is in the database, and the sessions, the newest first, without a session_key', async () => {
    for (const user of ['Bob', 'Ada']) await app.login({ user });
    clock = new Date(clock.getTime() + 1000);
    await app.login({ user: 'Ada' });
    const { status, body } = await show(app);
    const row = (await app.rows()).find(({ nickName }) => nickName === 'Ada');
    expect([status, Object.keys(body)]).toEqual([200, ['row', 'sessions']]);
    expect(body.row).toEqual(row);
    expect(body.row).toMatchObject({ appid: 'wxsandbox000000000', status: 'active', own_nickName: 0 });
    const time = expect.stringMatching(/Z$/);
    const session = {
      id: expect.stringMatching(/^[\w-]{22}$/),
      device: 'unknown',
      place: '127.0.0.*',
      createdAt: clock.toISOString(),
      lastUsedAt: time,
      expiresAt: time,
    };
    expect(body.sessions).toEqual([session, { ...session, createdAt: time }]);
    expect(body.sessions[1].createdAt < body.sessions[0].createdAt).toBe(true);
  });

  test('a ban is refused by the very next call of a session that was remembered as good; its end revives none', async () => {
    const [ada, bob] = [await remembered(app), await remembered(app, 'Bob')];
    const banned = await ban(app, true);
    expect([banned.status, banned.body.row.status]).toEqual([200, 'banned']);
    expect(of(await ask(app, ada))).toEqual([403, 'user_banned']);
    expect(of(await app.login({ user: 'Ada' }))).toEqual([403, 'user_banned']);
    expect((await ask(app, bob)).status).toBe(200);
    expect((await show(app)).body).toEqual(banned.body);

    const free = await ban(app, false);
    expect([free.status, free.body.row.status, free.body.sessions]).toEqual([200, 'active', []]);
    expect(of(await ask(app, ada))).toEqual([401, 'session_ended']);
    await remembered(app);
  });

  test('a token of this session whose time is over: token_expired, and then a new login works', async () => {
    const good = await remembered(app);
    const { status, body } = await expire(app, await sidOf(app));
    expect([status, Object.keys(body)]).toEqual([200, ['token']]);
    const [was, is] = [claimsOf(good), claimsOf(body.token)];
    expect(is).toEqual({ ...was, iat: expect.any(Number), exp: expect.any(Number) });
    expect([is.exp < Date.now() / 1000, is.exp - is.iat]).toEqual([true, was.exp - was.iat]);
    const refused = await ask(app, body.token);
    expect(refused.body).toMatchObject({ status: 401, code: 'token_expired', retry: 'login' });
    expect((await ask(app, good)).status).toBe(200);
    await remembered(app);
  });

  test('a session that nobody has, somebody else has, or that has ended: no token', async () => {
    const ada = await remembered(app);
    await app.login({ user: 'Bob' });
    const [mine, his] = [await sidOf(app), await sidOf(app, 'Bob')];
    for (const sid of ['x'.repeat(22), his, '你', ''])
      expect(of(await expire(app, sid))).toEqual([404, 'not_found']);
    await app.call('POST', '/api/wxuser/logout', undefined, { Authorization: ada });
    expect(of(await expire(app, mine))).toEqual([404, 'not_found']);
  });

  test('who has no row: null and no sessions; nobody to ban, and no token', async () => {
    const { status, body } = await show(app);
    expect([status, body]).toEqual([200, { row: null, sessions: [] }]);
    expect(of(await ban(app, true))).toEqual([404, 'not_found']);
    expect(of(await expire(app, 'x'.repeat(22)))).toEqual([404, 'not_found']);
    expect(await app.rows()).toEqual([]);
  });

  test('a wrong field is named', async () => {
    await app.login({ user: 'Ada' });
    const sid = await sidOf(app);
    const name = 'A'.repeat(65);
    for (const [answer, path] of [
      [await ban(app, 'yes'), 'banned'],
      [await app.call('PUT', '/sandbox/demo/users/Ada'), 'banned'],
      [await expire(app, 7), 'session'],
      [await expire(app, undefined), 'session'],
      [await show(app, name), 'user'],
      [await ban(app, true, name), 'user'],
      [await expire(app, sid, '%20'), 'user'],
    ] as const)
      expect([...of(answer), answer.body.issues[0].path]).toEqual([400, 'invalid_request', path]);
  });

  test('takes JSON only, so that no page of another site can drive it', async () => {
    const token = await remembered(app);
    const sid = await sidOf(app);
    const calls = [
      ['PUT', '/sandbox/demo/users/Ada', 'banned=true'],
      ['PUT', '/sandbox/demo/users/Ada', '{"banned":true}'],
      ['POST', '/sandbox/demo/users/Ada/expired-token', `session=${sid}`],
      ['POST', '/sandbox/demo/users/Ada/expired-token', JSON.stringify({ session: sid })],
    ] as const;
    for (const [method, path, body] of calls)
      for (const headers of [FORM, { 'Content-Type': 'text/plain' }])
        expect(of(await app.call(method, path, body, headers))).toEqual([415, 'unsupported_media_type']);
    const nothing = await app.call('POST', '/sandbox/demo/users/Ada/expired-token');
    expect(of(nothing)).toEqual([415, 'unsupported_media_type']);
    expect((await ask(app, token)).status).toBe(200);
    expect((await show(app)).headers.get('access-control-allow-origin')).toBeNull();
  });
});

test.runIf(redisThere)(
  'a ban is told to the other instance; while Redis is away it holds all the same',
  async () => {
    const [database, redis] = [await freshSqlite(), await startRedis()];
    onTestFinished(() => redis.stop().then(database.drop));
    const env = { ...ENV, REDIS_URL: redis.url };
    const [one, other] = [await startApp({ database, env }), await startApp({ database, env })];
    const ada = await remembered(one);
    expect((await ask(other, ada)).status).toBe(200);
    expect((await ban(one, true)).body).toMatchObject({ row: { status: 'banned' }, sessions: [] });
    expect(of(await ask(one, ada))).toEqual([403, 'user_banned']);
    await expect.poll(async () => of(await ask(other, ada)), { interval: 5 }).toEqual([403, 'user_banned']);
    await ban(one, false);
    for (const app of [one, other]) expect(of(await ask(app, ada))).toEqual([401, 'session_ended']);

    const again = await remembered(one);
    await redis.kill();
    expect(of(await ban(one, true))).toEqual([503, 'database_unavailable']);
    expect(of(await ask(one, again))).toEqual([403, 'user_banned']);
  },
);

test('with a real app none of it is there', async () => {
  const app = await startApp({ env: realSettings('http://127.0.0.1:9') });
  const gone = [404, 'not_found'];
  expect(of(await show(app))).toEqual(gone);
  expect(of(await ban(app, true))).toEqual(gone);
  expect(of(await expire(app, 'x'.repeat(22)))).toEqual(gone);
  expect(of(await app.call('PUT', '/sandbox/demo/users/Ada', 'banned=true', FORM))).toEqual(gone);
  expect(of(await app.call('GET', '/sandbox/cdn/thirdwx.qlogo.cn/mmopen/vi_32/a/132'))).toEqual(gone);
});
