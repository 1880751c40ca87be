import { beforeEach, describe, expect, test } from 'vitest';
import { JWT_SECRET, startApp, type TestApp } from './support/app.ts';
import { engines, type FreshDatabase, freshSqlite, redisThere } from './support/engines.ts';
import { keepSecret } from './support/no-secrets.ts';
import { startRedis } from './support/redis.ts';
import { openSandbox, type TestSandbox } from './support/sandbox.ts';

/** A server with real settings, whose WeChat is a sandbox of its own, by the same clock. */
async function start(database?: FreshDatabase, env: Record<string, string> = {}) {
  const wechat = await openSandbox({ now: () => new Date() });
  const { appid: WX_APPID, secret: WX_SECRET, url: WX_API_BASE } = wechat;
  const settings = { WX_APPID, WX_SECRET, WX_API_BASE, JWT_SECRET, ...env };
  const app = await startApp({ env: settings, ...(database && { database }) });
  return { wechat, app, settings };
}

async function login(app: TestApp, wechat: TestSandbox, user = 'Ada', more: object = {}) {
  const { code } = wechat.wx.login(user);
  const { body } = await app.call('POST', '/api/wxuser', { code, ...more });
  return { headers: { Authorization: body.token as string }, body };
}

const postPhone = (app: TestApp, headers: Record<string, string>, body: object) =>
  app.call('POST', '/api/wxuser/me/phone', body, headers);
const phones = async (app: TestApp) => (await app.rows()).map((row) => row.phone);

/** The button's code and its older data, none of which may come into a log; neither may the number. */
function tap(wechat: TestSandbox, user = 'Ada') {
  const detail = wechat.wx.getPhoneNumber(user);
  for (const secret of Object.values(detail)) keepSecret(secret);
  return detail;
}

describe.each(engines)('the phone number, on $name', ({ fresh }) => {
  let database: FreshDatabase;
  let app: TestApp;
  let wechat: TestSandbox;
  let settings: Record<string, string>;
  beforeEach(async () => {
    database = await fresh();
    ({ app, wechat, settings } = await start(database));
    wechat.user('Ada', { phone: '12066600001' });
    keepSecret('8612066600001');
    return () => app.close().then(database.drop);
  });

  test('by the code of the button, stored in international form', async () => {
    const { headers } = await login(app, wechat);
    const { status, body } = await postPhone(app, headers, { code: tap(wechat).code });
    expect({ status, ...body }).toMatchObject({ status: 200, phone: '+8612066600001' });
    expect(await phones(app)).toEqual(['+8612066600001']);
    const { body: exported } = await app.call('GET', '/api/wxuser/me/export', undefined, headers);
    expect(exported.wxuser.phone).toBe('+8612066600001');
    const { body: me } = await app.call('GET', '/api/wxuser/me', undefined, headers);
    expect(JSON.stringify(me)).not.toContain('12066600001');
  });

  test('by the older button’s encryptedData, with the session_key of this session', async () => {
    const { headers } = await login(app, wechat);
    const { encryptedData, iv } = tap(wechat);
    const { status, body } = await postPhone(app, headers, { encryptedData, iv });
    expect({ status, ...body }).toMatchObject({ status: 200, phone: '+8612066600001' });
    expect(await phones(app)).toEqual(['+8612066600001']);
  });

  test('data under a session_key that a later wx.login replaced is refused, and changes nothing', async () => {
    const { headers } = await login(app, wechat);
    wechat.wx.login('Ada', { rotate: true });
    const { encryptedData, iv } = tap(wechat);
    const { body } = await postPhone(app, headers, { encryptedData, iv });
    expect(body).toMatchObject({ status: 400, code: 'phone_rejected', retry: 'login' });
    expect(await phones(app)).toEqual([null]);
  });

  test('a profile, or another user’s phone data, is no phone of mine', async () => {
    const { headers } = await login(app, wechat);
    for (const { encryptedData, iv } of [wechat.wx.getUserProfile('Ada'), tap(wechat, 'Bob')]) {
      const { body } = await postPhone(app, headers, { encryptedData, iv });
      expect(body).toMatchObject({ status: 400, code: 'phone_rejected' });
    }
    expect(await phones(app)).toEqual([null]);
  });

  test.each<[string, (wechat: TestSandbox) => string, object]>([
    [
      'one that was never made',
      () => 'f'.repeat(64),
      { status: 400, code: 'phone_code_invalid', retry: 'never' },
    ],
    [
      'one of wx.login',
      (wechat) => wechat.wx.login('Ada').code,
      { status: 400, code: 'phone_code_expected' },
    ],
  ])('a code that is %s is refused', async (_name, make, expected) => {
    const { headers } = await login(app, wechat);
    const { body } = await postPhone(app, headers, { code: make(wechat) });
    expect(body).toMatchObject(expected);
    expect(body.messages).toMatch(/getPhoneNumber/);
    expect(await phones(app)).toEqual([null]);
  });

  test('another user’s code is refused where WX_PHONE_CHECK_OPENID has WeChat look at it', async () => {
    const checking = await startApp({ env: { ...settings, WX_PHONE_CHECK_OPENID: 'true' }, database });
    const { headers } = await login(checking, wechat);
    expect((await postPhone(checking, headers, { code: tap(wechat, 'Bob').code })).body).toMatchObject({
      status: 400,
      code: 'phone_code_invalid',
    });
    const { body } = await login(checking, wechat, 'Ada', { phoneCode: tap(wechat, 'Bob').code });
    expect(body.issues).toEqual([{ path: 'phoneCode', message: expect.stringMatching(/getPhoneNumber/) }]);
    expect(await phones(app)).toEqual([null]);
    expect((await postPhone(checking, headers, { code: tap(wechat).code })).status).toBe(200);
    await login(checking, wechat, 'Ada', { phoneCode: tap(wechat).code });
    expect(await phones(app)).toEqual(['+8612066600001']);
  });

  test('by default WeChat is sent the code alone', async () => {
    const { headers } = await login(app, wechat);
    await postPhone(app, headers, { code: tap(wechat).code });
    await login(app, wechat, 'Ada', { phoneCode: tap(wechat).code });
    const { last } = (await wechat.ask('GET', '/control/calls')).body;
    const asked = last.filter(({ endpoint }: { endpoint: string }) => endpoint === 'getuserphonenumber');
    expect(asked.map(({ body }: { body: object }) => Object.keys(body))).toEqual([['code'], ['code']]);
  });

  test('a code works once', async () => {
    const { headers } = await login(app, wechat);
    const { code } = tap(wechat);
    expect((await postPhone(app, headers, { code })).status).toBe(200);
    expect((await postPhone(app, headers, { code })).body).toMatchObject({
      status: 400,
      code: 'phone_code_invalid',
      retry: 'never',
    });
  });

  test('a phone code sent to the login says so, in both languages', async () => {
    const { code } = tap(wechat);
    for (const language of ['zh', 'en']) {
      const { body } = await app.call('POST', '/api/wxuser', { code }, { 'Accept-Language': language });
      expect(body).toMatchObject({ status: 400, code: 'login_code_expected', retry: 'never' });
      expect(body.messages).toMatch(/getPhoneNumber.*wx\.login/);
    }
  });

  test('loginCode and phoneCode in one login request', async () => {
    const [loginCode, phoneCode] = [wechat.wx.login('Ada').code, tap(wechat).code];
    const { status, body } = await app.call('POST', '/api/wxuser', { loginCode, phoneCode });
    expect({ status, ...body }).toMatchObject({ status: 200, isNew: true });
    expect(body.issues).toBeUndefined();
    expect(await phones(app)).toEqual(['+8612066600001']);
  });

  test('a phoneCode that WeChat refuses does not stop the login; the reply and the log say why', async () => {
    const { body } = await login(app, wechat, 'Ada', { phoneCode: 'f'.repeat(64) });
    expect(body).toMatchObject({ status: 200, isNew: true });
    expect(body.issues).toEqual([{ path: 'phoneCode', message: expect.stringMatching(/getPhoneNumber/) }]);
    expect(await phones(app)).toEqual([null]);
    const line = app.log.find((each) => each['path'] === '/api/wxuser');
    expect(line).toMatchObject({
      status: 200,
      code: 'phone_code_invalid',
      reason: expect.stringMatching(/40029/),
    });
  });
});

test('after another JWT_SECRET, while the former one is kept, a session_key that it sealed still opens', async () => {
  const database = await freshSqlite();
  const { wechat, app, settings } = await start(database);
  wechat.user('Ada', { phone: '12066600001' });
  keepSecret('8612066600001');
  const { headers } = await login(app, wechat);
  const { encryptedData, iv } = tap(wechat);
  const rotated = {
    JWT_SECRET: 'pDj8OjrPthLMcczannkIIr1f47HpZnAbKCYrWHXg',
    JWT_PREVIOUS_SECRETS: JWT_SECRET,
  };
  const later = await startApp({ env: { ...settings, ...rotated }, database });
  const { body } = await postPhone(later, headers, { encryptedData, iv });
  expect(body).toMatchObject({ status: 200, phone: '+8612066600001' });
});

test.each([{}, { code: '' }, { encryptedData: 'AAAA' }, { iv: 'AAAA' }])('%j is no phone', async (body) => {
  const { app, wechat } = await start();
  const { headers } = await login(app, wechat);
  const answer = await postPhone(app, headers, body);
  expect(answer.body).toMatchObject({ status: 400, code: 'invalid_request' });
  expect(answer.body.issues[0].message).toMatch(/getPhoneNumber/);
});

test('WeChat down or mending its settings: the phone fails as the catalogue says, logins go on', async () => {
  const { app, wechat } = await start();
  const { headers } = await login(app, wechat);
  wechat.fail('stable_token', { errcode: 40164 });
  expect((await postPhone(app, headers, { code: tap(wechat).code })).body).toMatchObject({
    status: 500,
    code: 'wechat_misconfigured',
  });
  expect(app.log.at(-1)?.['reason']).toMatch(/40164.*IP whitelist/);
  wechat.heal();
  wechat.fail('getuserphonenumber', { cut: true });
  expect((await postPhone(app, headers, { code: tap(wechat).code })).body).toMatchObject({
    status: 503,
    code: 'wechat_unavailable',
    retry: 'later',
  });
  expect((await login(app, wechat, 'Bob')).body.status).toBe(200);
});

test.skipIf(!redisThere)(
  'two instances share one access_token under 200 concurrent phone calls',
  async () => {
    const redis = await startRedis();
    const database = await freshSqlite();
    const { app, wechat, settings } = await start(database, { REDIS_URL: redis.url });
    const other = await startApp({ env: settings, database });
    const users = await Promise.all(Array.from({ length: 200 }, (_, i) => login(app, wechat, `user ${i}`)));
    const before = wechat.count('stable_token');
    const answers = await Promise.all(
      users.map(({ headers }, i) =>
        postPhone(i % 2 === 0 ? app : other, headers, { code: tap(wechat, `user ${i}`).code }),
      ),
    );
    expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
    expect(before).toBe(0); // a login never waits for it
    expect(wechat.count('stable_token')).toBe(1);
    expect(wechat.count('getuserphonenumber')).toBe(200);
    await other.close();
    await app.close();
    await redis.stop();
  },
);
