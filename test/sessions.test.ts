import { sql } from 'kysely';
import { beforeEach, describe, expect, test } from 'vitest';
import { deviceOf, placeOf } from '../src/auth/device.ts';
import { createSeal } from '../src/auth/seal.ts';
import { remembering, type Sessions, type Standing } from '../src/auth/sessions.ts';
import { openDatabase } from '../src/db/open.ts';
import { type Answer, startApp, type TestApp } from './support/app.ts';
import { engines, type FreshDatabase } from './support/engines.ts';

const SECRET = { JWT_SECRET: 'one-secret-for-all-instances-0123456789' };
const IPHONE =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) MicroMessenger/8.0.50(0x18003230) NetType/WIFI';

describe.each(engines)('sessions, on $name', ({ fresh }) => {
  let database: FreshDatabase;
  let app: TestApp;
  beforeEach(async () => {
    database = await fresh();
    app = await startApp({ database, env: SECRET });
    return () => app.close().then(database.drop);
  });

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
    expect(foreign.body).toMatchObject({ status: 404, code: 'not_found' });
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
    const limited = await startApp({ database, env: { ...SECRET, SESSION_LIMIT: '2' }, now: () => clock });
    const tokens = [];
    for (let i = 0; i < 3; i++) {
      tokens.push((await limited.login({ user: 'Ada' })).body.token);
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
    expect(JSON.stringify(body)).not.toMatch(/session_key|sessionKey/);
  });

  test('another instance learns of the end of a session within SESSION_CACHE_SECONDS; with 0 at once', async () => {
    const others = [
      await startApp({ database, env: { ...SECRET, SESSION_CACHE_SECONDS: '1' } }),
      await startApp({ database, env: { ...SECRET, SESSION_CACHE_SECONDS: '0' } }),
    ] as const;
    const { headers } = await login();
    for (const other of others) expect((await me(headers, other)).status).toBe(200);
    await app.call('POST', '/api/wxuser/logout', undefined, headers);
    expectEnded(await me(headers, others[1]));
    await expect.poll(async () => (await me(headers, others[0])).status, { interval: 20 }).toBe(401);
    for (const other of others) await other.close();
  });

  test('a ban reaches a live token as user_banned', async () => {
    const strict = await startApp({ database, env: { ...SECRET, SESSION_CACHE_SECONDS: '0' } });
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

  test('expired sessions go by themselves', async () => {
    let clock = new Date(Date.now() - 30 * 86_400_000);
    const old = await startApp({ database, env: SECRET, now: () => clock });
    for (let i = 0; i < 3; i++) await old.login({ user: `gone ${i}` });
    clock = new Date();
    for (let i = 0; i < 20; i++) await old.login({ user: `here ${i}` });
    const { db } = await openDatabase(database.url);
    expect(await db.selectFrom('wxsession').select('sid').execute()).toHaveLength(20);
    await db.destroy();
    await old.close();
  });

  test('a dump of the database holds no session_key and no token in clear', async () => {
    const button = await app.button({ user: 'Ada' });
    const { body } = await app.call('POST', '/api/wxuser', button);
    const { db } = await openDatabase(database.url);
    const rows = await db.selectFrom('wxsession').selectAll().execute();
    const dump = JSON.stringify([rows, await app.rows()]);
    await db.destroy();
    expect(dump).not.toMatch(/[A-Za-z0-9+/]{22}==/);
    expect(dump).not.toContain(body.token.replace('Bearer ', ''));
    // It can be opened again with the server's secret, and only with that.
    const sealed = rows[0]?.session_key ?? '';
    expect(createSeal({ secret: SECRET.JWT_SECRET, previousSecrets: [] }).open(sealed)).toMatch(
      /^[A-Za-z0-9+/]{22}==$/,
    );
    expect(
      createSeal({ secret: 'another-secret-of-32-bytes-or-more-1', previousSecrets: [] }).open(sealed),
    ).toBeUndefined();
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
    open: async () => undefined,
    standing: () => new Promise((resolve) => (answer = resolve)),
    list: async () => [],
    end: async () => true,
    endAll: async () => undefined,
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
  ['::1', 'unknown'],
  ['', 'unknown'],
])('a place is told without its last part: %s', (address, place) => {
  expect(placeOf(address)).toBe(place);
});
