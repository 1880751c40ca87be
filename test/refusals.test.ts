import { sql } from 'kysely';
import { beforeEach, describe, expect, test } from 'vitest';
import { catalogue, type ErrorCode } from '../src/errors.ts';
import vectors from './fixtures/wechat-vectors.json' with { type: 'json' };
import { type Answer, realSettings, startApp, type TestApp } from './support/app.ts';
import { engines, type FreshDatabase, freshMysql, mysqlUrl } from './support/engines.ts';
import { startProxy } from './support/proxy.ts';
import { errcode, json, SESSION, type StandIn, startStandIn } from './support/wechat.ts';

interface World {
  readonly app: TestApp;
  readonly wechat: StandIn;
  /** A good token of the one user in the table. */
  readonly token: string;
}

interface Case {
  readonly code: ErrorCode;
  readonly name: string;
  readonly env?: Record<string, string>;
  call(world: World, headers: Record<string, string>): Promise<Answer>;
}

const login = (world: World, body: unknown, headers: Record<string, string>) =>
  world.app.call('POST', '/api/wxuser', body, headers);
const onError = (errorcode: number) => (world: World, headers: Record<string, string>) => {
  world.wechat.answer(errcode(errorcode));
  return login(world, { code: 'a-code' }, headers);
};
const me = (world: World, headers: Record<string, string>) =>
  world.app.call('GET', '/api/wxuser/me', undefined, headers);

/** Each failure that the login and the user's own routes can answer, and how one comes to it. */
const cases: Case[] = [
  { code: 'invalid_request', name: 'no code', call: (w, h) => login(w, {}, h) },
  { code: 'invalid_request', name: 'a body that is not JSON', call: (w, h) => login(w, '{"code":', h) },
  {
    code: 'invalid_request',
    name: 'PUT without a field',
    call: (w, h) => w.app.call('PUT', '/api/wxuser/me', {}, { ...h, Authorization: w.token }),
  },
  {
    code: 'profile_rejected',
    name: 'strict: a foreign signature',
    env: { WX_PROFILE_STRICT: 'true' },
    call: (w, h) => login(w, { code: 'c', rawData: '{}', signature: '00'.repeat(20) }, h),
  },
  { code: 'token_missing', name: 'no token', call: me },
  {
    code: 'token_invalid',
    name: 'a token of nobody',
    call: (w, h) => me(w, { ...h, Authorization: 'Bearer x.y.z' }),
  },
  {
    code: 'session_ended',
    name: 'the row of a good token is gone',
    async call(w, h) {
      await w.app.sql(sql`UPDATE wxuser SET id = id + 1`);
      const answer = await me(w, { ...h, Authorization: w.token });
      await w.app.sql(sql`UPDATE wxuser SET id = id - 1`);
      return answer;
    },
  },
  { code: 'wechat_code_invalid', name: '40029', call: onError(40029) },
  { code: 'wechat_code_used', name: '40163', call: onError(40163) },
  { code: 'wechat_user_blocked', name: '40226', call: onError(40226) },
  {
    code: 'user_banned',
    name: 'login of a banned user',
    async call(w, h) {
      await w.app.sql(sql`UPDATE wxuser SET status = 'banned'`);
      const answer = await login(w, { code: 'c', rawData: { nickName: 'New name' } }, h);
      await w.app.sql(sql`UPDATE wxuser SET status = 'active'`);
      return answer;
    },
  },
  {
    code: 'user_banned',
    name: 'a change by a banned user',
    async call(w, h) {
      await w.app.sql(sql`UPDATE wxuser SET status = 'banned'`);
      const answer = await w.app.call(
        'PUT',
        '/api/wxuser/me',
        { nickName: 'New' },
        { ...h, Authorization: w.token },
      );
      await w.app.sql(sql`UPDATE wxuser SET status = 'active'`);
      return answer;
    },
  },
  { code: 'not_found', name: 'another path', call: (w, h) => w.app.call('POST', '/api/wxusers', {}, h) },
  {
    code: 'not_found',
    name: 'another method',
    call: (w, h) => w.app.call('GET', '/api/wxuser', undefined, h),
  },
  {
    code: 'payload_too_large',
    name: 'a 1 MB body',
    call: (w, h) => login(w, { code: 'x'.repeat(1_000_000) }, h),
  },
  {
    code: 'unsupported_media_type',
    name: 'a text',
    call: (w, h) => login(w, 'code=abc', { ...h, 'Content-Type': 'text/plain' }),
  },
  {
    code: 'unsupported_media_type',
    name: 'an unknown charset',
    call: (w, h) => login(w, '{}', { ...h, 'Content-Type': 'application/json; charset=klingon' }),
  },
  {
    code: 'too_many_requests',
    name: 'one login more than the limit',
    env: { LOGIN_RATE_LIMIT: '1' },
    call: (w, h) => login(w, { code: 'c' }, h),
  },
  { code: 'wechat_rate_limited', name: '45011', call: onError(45011) },
  { code: 'wechat_unavailable', name: '-1 twice', call: onError(-1) },
  { code: 'wechat_misconfigured', name: '40013', call: onError(40013) },
  { code: 'wechat_misconfigured', name: '40125', call: onError(40125) },
  { code: 'wechat_misconfigured', name: '40164', call: onError(40164) },
  { code: 'wechat_misconfigured', name: '40243', call: onError(40243) },
  { code: 'wechat_misconfigured', name: '41002', call: onError(41002) },
  { code: 'wechat_misconfigured', name: '41004', call: onError(41004) },
  { code: 'wechat_misconfigured', name: '41008', call: onError(41008) },
  {
    code: 'internal_error',
    name: 'a table that is not as we made it',
    async call(w, h) {
      await w.app.sql(sql`ALTER TABLE wxuser RENAME COLUMN last_login_at TO somewhere_else`);
      const answer = await login(w, { code: 'c' }, h);
      await w.app.sql(sql`ALTER TABLE wxuser RENAME COLUMN somewhere_else TO last_login_at`);
      return answer;
    },
  },
];

const languages = [
  { language: 'zh', headers: {} },
  { language: 'zh', headers: { 'Accept-Language': 'zh-CN,zh;q=0.9,en;q=0.8' } },
  { language: 'en', headers: { 'Accept-Language': 'en-US,en;q=0.9' } },
] as const;

describe.each(engines)('refusals, on $name', ({ fresh }) => {
  let database: FreshDatabase;
  beforeEach(async () => {
    database = await fresh();
    return () => database.drop();
  });

  test.each(cases)('$code: $name', async ({ code, env, call }) => {
    const wechat = await startStandIn();
    const app = await startApp({ database, env: { ...realSettings(wechat.url), ...env } });
    const { token } = (await app.call('POST', '/api/wxuser', { code: 'the-first' })).body;
    await app.sql(sql`UPDATE wxuser SET nickName = 'Ada', gender = 2`);
    const before = await app.rows();

    for (const { language, headers } of languages) {
      wechat.answer(json(SESSION));
      const { status, body, headers: replied } = await call({ app, wechat, token }, headers);
      const expected = catalogue[code];
      expect(status).toBe(expected.status);
      expect(body).toMatchObject({
        status: expected.status,
        code,
        messages: expected[language],
        retry: expected.retry,
        requestId: replied.get('x-request-id'),
      });
      const allowed = ['status', 'code', 'messages', 'retry', 'requestId', 'issues'];
      expect(Object.keys(body).filter((key) => !allowed.includes(key))).toEqual([]);
      expect(app.log.filter((line) => line['id'] === body.requestId)).toMatchObject([{ status, code }]);
      if (status === 429) expect(Number(replied.get('retry-after'))).toBeGreaterThan(0);
    }
    expect(await app.rows()).toEqual(before);
    await app.close();
  });
});

describe('database_unavailable', () => {
  test('SQLite: another process holds the write lock', async () => {
    const wechat = await startStandIn();
    const app = await startApp({ env: realSettings(wechat.url) });
    await app.call('POST', '/api/wxuser', { code: 'c' });
    await app.sql(sql`BEGIN IMMEDIATE`);
    await expectUnavailable(app, /^SQLITE_BUSY: database is locked/);
    await app.sql(sql`ROLLBACK`);
    expect((await app.call('POST', '/api/wxuser', { code: 'c' })).status).toBe(200);
  });

  test.skipIf(!mysqlUrl)('MySQL: the server is gone', async () => {
    const wechat = await startStandIn();
    const proxy = await startProxy(Number(new URL(mysqlUrl ?? '').port));
    const database = await freshMysql();
    const url = new URL(database.url);
    url.port = String(proxy.port);
    const app = await startApp({ env: { ...realSettings(wechat.url), DATABASE_URL: url.href }, database });
    await app.call('POST', '/api/wxuser', { code: 'c' });
    await proxy.cut();
    await expectUnavailable(app, /^POOL_NONE_ANSWERS: 127\.0\.0\.1:\d+: /);
    expect((await app.call('GET', '/readyz')).body).toMatchObject({
      status: 503,
      code: 'database_unavailable',
    });
    expect((await app.call('GET', '/healthz')).status).toBe(200);
    await proxy.mend();
    await expect.poll(async () => (await app.call('GET', '/readyz')).status).toBe(200);
    expect((await app.call('POST', '/api/wxuser', { code: 'c' })).status).toBe(200);
    await app.close();
    await proxy.cut();
    await database.drop();
  });

  async function expectUnavailable(app: TestApp, reason: RegExp): Promise<void> {
    const before = await app.rows();
    for (const { language, headers } of languages) {
      const { status, body } = await app.call('POST', '/api/wxuser', { code: 'c' }, headers);
      expect(status).toBe(503);
      const { [language]: messages, retry } = catalogue.database_unavailable;
      expect(body).toMatchObject({ code: 'database_unavailable', messages, retry });
      expect(app.log.find((line) => line['id'] === body.requestId)?.['reason']).toMatch(reason);
    }
    expect(await app.rows()).toEqual(before);
  }
});

test('token_expired: a token whose time is over', async () => {
  let clock = new Date(Date.now() - 8 * 86_400_000);
  const app = await startApp({ now: () => clock });
  const { token } = (await app.login({ user: 'Ada' })).body;
  const before = await app.rows();
  clock = new Date();
  for (const { language, headers } of languages) {
    const { status, body } = await app.call('GET', '/api/wxuser/me', undefined, {
      ...headers,
      Authorization: token,
    });
    expect(status).toBe(401);
    expect(body).toMatchObject({
      code: 'token_expired',
      retry: 'login',
      messages: catalogue.token_expired[language],
    });
  }
  expect(await app.rows()).toEqual(before);
});

test('a wrong field is named, in both languages', async () => {
  const app = await startApp();
  const zh = await app.call('POST', '/api/wxuser', { code: 5, iv: 7 });
  const en = await app.call('POST', '/api/wxuser', { code: 5, iv: 7 }, { 'Accept-Language': 'en' });
  expect(zh.body.issues.map((issue: { path: string }) => issue.path)).toEqual(['code', 'iv']);
  expect(zh.body.issues[0].message).toBe('必须是文本，不能是数字');
  expect(en.body.issues[0].message).toBe('must be a text, not a number');
});

test('strict mode takes a login with code alone, with a good signature, and with good encryptedData beside it', async () => {
  const app = await startApp({ env: { WX_PROFILE_STRICT: 'true' } });
  const button = await app.button({ user: 'Ada' });
  const { code, ...profile } = button;
  const logins = [
    { code },
    {
      code: (await app.button({ user: 'Ada' }))['code'],
      rawData: profile['rawData'],
      signature: profile['signature'],
    },
    { ...profile, code: (await app.button({ user: 'Ada' }))['code'] },
  ];
  for (const body of logins) expect((await app.call('POST', '/api/wxuser', body)).status).toBe(200);
});

const EVE = '{"nickName":"Eve"}';

test.each<[string, (own: Record<string, string>) => object]>([
  ['rawData without proof', () => ({ rawData: EVE })],
  ['encryptedData of another session', () => vectors.encryptedData],
  ['good encryptedData without rawData', ({ encryptedData, iv }) => ({ encryptedData, iv })],
  ['rawData without a signature beside good encryptedData', (own) => ({ ...own, signature: undefined })],
  ['a signature of other rawData', () => ({ rawData: EVE, signature: vectors.signature.sha1 })],
  ['other rawData beside good encryptedData', (own) => ({ ...own, rawData: EVE })],
])('strict mode refuses %s', async (_name, change) => {
  const app = await startApp({ env: { WX_PROFILE_STRICT: 'true' } });
  const { code, ...own } = await app.button({ user: 'Ada' });
  const { encryptedData, iv, rawData, signature } = change(own) as Record<string, string>;
  const answer = await app.call('POST', '/api/wxuser', { code, encryptedData, iv, rawData, signature });
  expect(answer.body).toMatchObject({ status: 400, code: 'profile_rejected', retry: 'login' });
  expect(await app.rows()).toEqual([]);
});

test.each([
  ['of another session', { encryptedData: vectors.encryptedData.encryptedData }],
  ['without its iv', { iv: undefined }],
])(
  'strict mode takes a good signature, whatever stands beside it: encryptedData %s',
  async (_name, change) => {
    const app = await startApp({ env: { WX_PROFILE_STRICT: 'true' } });
    const own = await app.button({ user: 'Ada' });
    const { body } = await app.call('POST', '/api/wxuser', { ...own, ...change });
    expect(body).toMatchObject({ status: 200, user: { nickName: 'Ada' } });
    expect(body).not.toHaveProperty('issues');
  },
);
