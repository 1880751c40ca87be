import { describe, expect, test } from 'vitest';
import { SANDBOX_APPID } from '../src/config.ts';
import { SANDBOX_SECRET } from '../src/sandbox/wechat.ts';
import { verifySignature } from '../src/wechat/crypto.ts';
import { realSettings, startApp, type TestApp } from './support/app.ts';
import { keepSecret } from './support/no-secrets.ts';
import { decrypted } from './support/open-data.ts';

/** code2Session as WeChat's client asks it. */
async function redeem(app: TestApp, code: string | undefined, changes: Record<string, string> = {}) {
  const query = {
    appid: SANDBOX_APPID,
    secret: SANDBOX_SECRET,
    js_code: code ?? '',
    grant_type: 'authorization_code',
  };
  const { status, headers, body } = await app.call(
    'GET',
    `/sandbox/sns/jscode2session?${new URLSearchParams({ ...query, ...changes })}`,
  );
  expect(status).toBe(200); // always, errors included
  expect(headers.get('content-type')).toMatch(/^text\/plain/);
  const reply = JSON.parse(body);
  keepSecret(reply.session_key);
  return { text: body as string, reply };
}

const newCode = async (app: TestApp, body: object = { user: 'Ada' }): Promise<string> =>
  (await app.call('POST', '/sandbox/wx/login', body)).body.code;

describe('sns/jscode2session', () => {
  test('answers a good code as WeChat does: no errcode, escaped slashes, ids of WeChat’s form', async () => {
    const app = await startApp();
    const code = await newCode(app);
    const { text, reply } = await redeem(app, code);
    expect(code).toMatch(/^0[A-Za-z0-9]{31}$/);
    expect(reply).toEqual({
      openid: expect.stringMatching(/^o[\w-]{27}$/),
      unionid: expect.stringMatching(/^o[\w-]{27}$/),
      session_key: expect.stringMatching(/^[A-Za-z0-9+/]{22}==$/),
    });
    expect(text).not.toMatch(/[^\\]\//);
  });

  const RID = /rid: [0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{8}$/;
  test.each([
    ['a code nobody made', { js_code: '0'.repeat(32) }, 40029, /^invalid code, rid/],
    ['no code', { js_code: '' }, 41008, /^missing code, rid/],
    ['no appid', { appid: '' }, 41002, /^appid missing rid/],
    ['no secret', { secret: '' }, 41004, /^appsecret missing, rid/],
    ['another appid', { appid: 'wx0123456789abcdef' }, 40013, /^invalid appid rid/],
    ['another secret', { secret: 'ab'.repeat(16) }, 40125, /^invalid appsecret, rid/],
  ] as [string, Record<string, string>, number, RegExp][])(
    '%s: errcode and errmsg as on the wire',
    async (_name, changes, errcode, errmsg) => {
      const app = await startApp();
      const code = await newCode(app);
      const { reply } = await redeem(app, code, changes);
      expect(reply).toEqual({ errcode, errmsg: expect.stringMatching(errmsg) });
      expect(reply.errmsg).toMatch(RID);
      const seconds = Number.parseInt(reply.errmsg.match(/rid: ([0-9a-f]{8})/)[1], 16);
      expect(Math.abs(seconds - Date.now() / 1000)).toBeLessThan(60);
      expect((await redeem(app, code)).reply.openid).toBeDefined(); // the code was not spent
    },
  );

  test('a code works once', async () => {
    const app = await startApp();
    const code = await newCode(app);
    await redeem(app, code);
    expect((await redeem(app, code)).reply).toMatchObject({
      errcode: 40163,
      errmsg: expect.stringMatching(/^code been used, rid/),
    });
  });

  test('a code lives five minutes', async () => {
    let clock = new Date();
    const app = await startApp({ now: () => clock });
    const [early, late] = [await newCode(app), await newCode(app)];
    clock = new Date(clock.getTime() + 299_000);
    expect((await redeem(app, early)).reply.openid).toBeDefined();
    clock = new Date(clock.getTime() + 2000);
    expect((await redeem(app, late)).reply.errcode).toBe(40029);
  });
});

describe('the phone', () => {
  test('wx.getUserProfile is signed and encrypted with the session_key of the user’s login', async () => {
    const app = await startApp();
    const code = await newCode(app);
    const { body: profile } = await app.call('POST', '/sandbox/wx/getUserProfile', { user: 'Ada' });
    const { session_key: key } = (await redeem(app, code)).reply;
    expect(profile.errMsg).toBe('getUserProfile:ok');
    expect(JSON.parse(profile.rawData)).toEqual(profile.userInfo);
    expect(verifySignature(profile.rawData, key, profile.signature)).toBe(true);
    const opened = decrypted(profile, key);
    expect(opened).toEqual({
      ...profile.userInfo,
      watermark: { appid: SANDBOX_APPID, timestamp: expect.any(Number) },
    });
    expect(opened).not.toHaveProperty('openId'); // getUserInfo's has it, getUserProfile's not
  });

  test('the anonymous profile is the one that WeChat sends since 2022', async () => {
    const app = await startApp();
    const { body } = await app.call('POST', '/sandbox/wx/getUserProfile', { user: 'Ada', anonymous: true });
    expect(body.userInfo).toMatchObject({ nickName: '微信用户', gender: 0, city: '', is_demote: true });
  });

  test('a user keeps his key from login to login, until it is rotated', async () => {
    const app = await startApp();
    const keys = [];
    for (const rotate of [false, false, true]) {
      keys.push((await redeem(app, await newCode(app, { user: 'Ada', rotate }))).reply.session_key);
    }
    expect(keys[1]).toBe(keys[0]);
    expect(keys[2]).not.toBe(keys[0]);
  });

  test('a user is the same after a restart, and two users are two', async () => {
    const openids = [];
    for (const user of ['Ada', 'Ada', 'Bob']) {
      const app = await startApp();
      openids.push((await redeem(app, await newCode(app, { user }))).reply.openid);
    }
    expect(openids[1]).toBe(openids[0]);
    expect(openids[2]).not.toBe(openids[0]);
  });

  test('a form works as well as JSON, and a wrong field is named', async () => {
    const app = await startApp();
    const form = { 'Content-Type': 'application/x-www-form-urlencoded' };
    expect(
      (await app.call('POST', '/sandbox/login-button', 'user=Ada&anonymous=true', form)).body.code,
    ).toBeDefined();
    expect((await app.call('POST', '/sandbox/wx/login', { user: '' })).body).toMatchObject({
      code: 'invalid_request',
      issues: [{ path: 'user' }],
    });
  });
});

test('with a real app there is no sandbox', async () => {
  const app = await startApp({ env: realSettings('http://127.0.0.1:9') });
  expect((await app.call('POST', '/sandbox/wx/login', { user: 'Ada' })).body.code).toBe('not_found');
  expect((await app.call('GET', '/sandbox/sns/jscode2session')).body.code).toBe('not_found');
});

test('the rows of the sandbox bear an appid that no mini program can have', async () => {
  const app = await startApp();
  await app.login({ user: 'Ada' });
  expect((await app.rows())[0]?.appid).not.toMatch(/^wx[0-9a-f]{16}$/);
});
