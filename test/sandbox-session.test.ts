import { expect, test } from 'vitest';
import { SANDBOX_APPID } from '../src/config.ts';
import { sealOpenData, signRawData, signSession } from '../src/sandbox/open-data.ts';
import { SANDBOX_SECRET } from '../src/sandbox/wechat.ts';
import { verifySignature } from '../src/wechat/crypto.ts';
import vectors from './fixtures/wechat-vectors.json' with { type: 'json' };
import { decrypted } from './support/open-data.ts';
import { MINUTE, openSandbox, signatureOf } from './support/sandbox.ts';

test('§1: a success has no errcode, 28-character ids, a 24-character key, text/plain', async () => {
  const sandbox = await openSandbox();
  const { appid, secret, wx } = sandbox;
  const query = new URLSearchParams({ appid, secret, js_code: wx.login('Ada').code });
  const { status, headers, body } = await sandbox.ask('GET', `/sns/jscode2session?${query}`);
  expect([status, headers.get('content-type')]).toEqual([200, expect.stringMatching(/^text\/plain/)]);
  expect(body).toEqual({
    openid: expect.stringMatching(/^o[\w-]{27}$/),
    unionid: expect.stringMatching(/^o[\w-]{27}$/),
    session_key: expect.stringMatching(/^[A-Za-z0-9+/]{22}==$/),
  });
});

test('§1: 40226 for a high-risk user, and his code is spent (our choice)', async () => {
  const sandbox = await openSandbox();
  sandbox.user('Eve', { blocked: true });
  const { code } = sandbox.wx.login('Eve');
  expect(await sandbox.session(code)).toMatchObject({
    errcode: 40226,
    errmsg: expect.stringMatching(/^code blocked, rid: /),
  });
  sandbox.user('Eve', { blocked: false });
  expect(await sandbox.session(code)).toMatchObject({ errcode: 40163 });
});

test('§1: rid is three groups of 8 hex digits, the first being the Unix seconds of the sandbox’s clock', async () => {
  const sandbox = await openSandbox();
  sandbox.advance(MINUTE);
  const { errmsg } = await sandbox.session('0'.repeat(32));
  expect(errmsg).toMatch(/^invalid code, rid: [0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{8}$/);
  const seconds = Number.parseInt(errmsg.slice('invalid code, rid: '.length), 16);
  expect(new Date(seconds * 1000).toISOString()).toBe('2026-03-01T04:01:00.000Z');
});

test('§1: a code lives five minutes of the clock that is moved', async () => {
  const sandbox = await openSandbox();
  const [early, late] = [sandbox.wx.login('Ada').code, sandbox.wx.login('Ada').code];
  sandbox.advance(5 * MINUTE);
  expect((await sandbox.session(early)).openid).toBeDefined();
  sandbox.advance(1);
  expect((await sandbox.session(late)).errcode).toBe(40029);
});

test('our choice: a code of another app is invalid and not spent; openids are per app, the unionid is the person’s', async () => {
  const sandbox = await openSandbox();
  const ours = { appid: SANDBOX_APPID, secret: SANDBOX_SECRET };
  const { code } = sandbox.wx.login('Ada');
  expect((await sandbox.session(code, ours)).errcode).toBe(40029);
  const here = await sandbox.session(code);
  const other = await sandbox.ask('POST', '/wx/login', { user: 'Ada', appid: SANDBOX_APPID });
  const there = await sandbox.session(other.body.code, ours);
  expect(there.openid).not.toBe(here.openid);
  expect(there.unionid).toBe(here.unionid);
  expect(there.session_key).not.toBe(here.session_key);
});

test('the users of the first sandbox keep their openids', async () => {
  const sandbox = await openSandbox({ appid: SANDBOX_APPID });
  const { openid, unionid } = await sandbox.session(sandbox.wx.login('Ada').code);
  // As version 0.1.0 made them: they stand in databases.
  expect([openid, unionid]).toEqual(['oduJedEOz7hzaCbuWSvg3JKcOqFY', 'oXMIBwaiQDgGeL9n9BqgOKOs5-Pm']);
});

test('our choice: DevTools’ mock code is one fixed user, as often as it is sent', async () => {
  const sandbox = await openSandbox();
  const first = await sandbox.session('the code is a mock one');
  expect((await sandbox.session('the code is a mock one')).openid).toBe(first.openid);
  expect(first.openid).toMatch(/^o[\w-]{27}$/);
});

test('§1: wx.login may rotate the session_key: when asked, or at every login', async () => {
  const sandbox = await openSandbox();
  const key = async (options?: object) =>
    (await sandbox.session(sandbox.wx.login('Ada', options).code)).session_key;
  const first = await key();
  expect(await key()).toBe(first);
  const second = await key({ rotate: true });
  expect(second).not.toBe(first);
  await sandbox.ask('PUT', '/control/settings', { rotateAtLogin: true });
  expect(await key()).not.toBe(second);
});

test('§2: signature, encryptedData and session signature are those of the official vectors', () => {
  const { signature, encryptedData, phone, sessionSignature } = vectors;
  expect(signRawData(signature.rawData, signature.sessionKey)).toBe(signature.sha1);
  for (const { plaintext, sessionKey, iv, encryptedData: sealed } of [encryptedData, phone]) {
    expect(sealOpenData(plaintext, sessionKey, Buffer.from(iv, 'base64'))).toEqual({
      encryptedData: sealed,
      iv,
    });
  }
  for (const { sessionKey, data, hmacSha256 } of sessionSignature)
    expect(signSession(sessionKey, data)).toBe(hmacSha256);
});

test('§2: getUserInfo’s encrypted data has openId and unionId, getUserProfile’s has not', async () => {
  const sandbox = await openSandbox();
  const { session_key, openid, unionid } = await sandbox.session(sandbox.wx.login('Ada').code);
  for (const [call, more] of [
    ['getUserInfo', { openId: openid, unionId: unionid }],
    ['getUserProfile', {}],
  ] as const) {
    const { body } = await sandbox.ask('POST', `/wx/${call}`, { user: 'Ada' });
    expect(body.errMsg).toBe(`${call}:ok`);
    expect(verifySignature(body.rawData, session_key, body.signature)).toBe(true);
    expect(decrypted(body, session_key)).toEqual({
      ...body.userInfo,
      ...more,
      watermark: { appid: sandbox.appid, timestamp: 1772337600 },
    });
  }
});

test('§3: a user can be anonymous, or be named otherwise', async () => {
  const sandbox = await openSandbox();
  sandbox.user('Ada', { profile: 'anonymous' });
  sandbox.user('Bob', { nickName: '李雷', gender: 1 });
  expect(sandbox.wx.getUserProfile('Ada').userInfo).toMatchObject({
    nickName: '微信用户',
    gender: 0,
    is_demote: true,
  });
  expect(sandbox.wx.getUserProfile('Bob').userInfo).toMatchObject({ nickName: '李雷', gender: 1 });
});

test('§6: checksession says whether the key is the valid one', async () => {
  const sandbox = await openSandbox();
  const { openid, session_key } = await sandbox.session(sandbox.wx.login('Ada').code);
  const check = (changes: Record<string, string> = {}) => {
    const query = { openid, signature: signatureOf(session_key), sig_method: 'hmac_sha256', ...changes };
    return sandbox.wxa('GET', `checksession?${new URLSearchParams(query)}`);
  };
  expect(await check()).toEqual({ errcode: 0, errmsg: 'ok' });
  expect(await check({ signature: signatureOf(session_key, 'x') })).toMatchObject({
    errcode: 87009,
    errmsg: expect.stringMatching(/^invalid signature/),
  });
  expect((await check({ sig_method: 'md5' })).errcode).toBe(87008);
  expect((await check({ openid: `o${'x'.repeat(27)}` })).errcode).toBe(40003);
  sandbox.wx.login('Ada', { rotate: true });
  expect((await check()).errcode).toBe(87007);
});

test('§6: resetusersessionkey gives a new key, and the old one is good no more', async () => {
  const sandbox = await openSandbox();
  const { openid, session_key } = await sandbox.session(sandbox.wx.login('Ada').code);
  const query = (key: string) =>
    new URLSearchParams({ openid, signature: signatureOf(key), sig_method: 'hmac_sha256' });
  const reset = await sandbox.wxa('GET', `resetusersessionkey?${query(session_key)}`);
  expect(reset).toEqual({ errcode: 0, errmsg: 'ok', openid, session_key: expect.any(String) });
  expect(reset.session_key).not.toBe(session_key);
  expect((await sandbox.wxa('GET', `checksession?${query(session_key)}`)).errcode).toBe(87009);
  expect((await sandbox.wxa('GET', `checksession?${query(reset.session_key)}`)).errcode).toBe(0);
  expect((await sandbox.wxa('GET', `resetusersessionkey?${query(session_key)}`)).errcode).toBe(87009);
});
