import { describe, expect, test } from 'vitest';
import { loadConfig } from '../src/config.ts';
import { APPID, realSettings, startApp, type TestApp } from './support/app.ts';
import { keepSecret } from './support/no-secrets.ts';
import { startStandIn } from './support/wechat.ts';

const [ADA, BOB] = ['oAdaOnCloudRun00000000000000', 'oBobOnCloudRun00000000000000'];
keepSecret(ADA);
keepSecret(BOB);

async function start(trusted: boolean): Promise<{ app: TestApp; asked: () => number }> {
  const wechat = await startStandIn();
  const env = { ...realSettings(wechat.url), ...(trusted && { WX_TRUST_CLOUD_HEADERS: 'true' }) };
  return { app: await startApp({ env }), asked: () => wechat.asked.length };
}

const headersOf = (openid: string, more = {}) => ({ 'X-WX-OPENID': openid, 'X-WX-APPID': APPID, ...more });

describe('with WX_TRUST_CLOUD_HEADERS=true', () => {
  test('a request with X-WX-OPENID logs in without a code, and WeChat is not asked', async () => {
    const { app, asked } = await start(true);
    const headers = headersOf(ADA, { 'X-WX-UNIONID': 'uAda' });
    const { status, body } = await app.call('POST', '/api/wxuser', {}, headers);
    expect({ status, ...body }).toMatchObject({ status: 200, isNew: true });
    expect(await app.rows()).toMatchObject([{ appid: APPID, user_id: ADA, unionid: 'uAda' }]);
    const me = await app.call('GET', '/api/wxuser/me', undefined, { Authorization: body.token });
    expect(me.status).toBe(200);
    const koa = await app.call('POST', '/user/wechatlogin', {}, headers);
    expect(koa.body).toMatchObject({ code: 0, data: { token: expect.stringMatching(/^eyJ/) } });
    expect(await app.rows()).toHaveLength(1);
    expect(asked()).toBe(0);
  });

  test('under resource sharing the caller is who the FROM headers name', async () => {
    const { app } = await start(true);
    const headers = {
      ...headersOf(ADA),
      'X-WX-APPID': 'wx9999999999999999',
      'X-WX-FROM-OPENID': BOB,
      'X-WX-FROM-APPID': APPID,
    };
    expect((await app.call('POST', '/api/wxuser', {}, headers)).status).toBe(200);
    expect(await app.rows()).toMatchObject([{ appid: APPID, user_id: BOB }]);
  });

  test('an app that is not ours is refused', async () => {
    const { app } = await start(true);
    const headers = headersOf(ADA, { 'X-WX-APPID': 'wx9999999999999999' });
    const { status, body } = await app.call('POST', '/api/wxuser', {}, headers);
    expect({ status, ...body }).toMatchObject({ status: 400, code: 'invalid_request' });
    expect(await app.rows()).toEqual([]);
  });

  test('without the header, or with one that is no openid, a code is needed and is taken', async () => {
    const { app, asked } = await start(true);
    for (const headers of [{}, { 'X-WX-OPENID': 'o; DROP TABLE' }, { 'X-WX-OPENID': 'o'.repeat(65) }]) {
      expect((await app.call('POST', '/api/wxuser', {}, headers)).body).toMatchObject({
        code: 'invalid_request',
        issues: [{ path: 'code' }],
      });
    }
    expect((await app.call('POST', '/api/wxuser', { code: 'a-code-of-wx-login' })).status).toBe(200);
    expect(asked()).toBe(1);
  });

  test('there is no session_key, so nothing of a profile counts as proven', async () => {
    const wechat = await startStandIn();
    const env = { ...realSettings(wechat.url), WX_TRUST_CLOUD_HEADERS: 'true', WX_PROFILE_STRICT: 'true' };
    const app = await startApp({ env });
    const rawData = '{"nickName":"Mallory"}';
    // What anybody can compute who knows that the key is empty.
    const { createHash } = await import('node:crypto');
    const signature = createHash('sha1').update(rawData).digest('hex');
    const { body } = await app.call('POST', '/api/wxuser', { rawData, signature }, headersOf(ADA));
    expect(body).toMatchObject({ code: 'profile_rejected' });
  });
});

test('without it a forged X-WX-OPENID is ignored', async () => {
  const { app, asked } = await start(false);
  const headers = headersOf(BOB);
  expect((await app.call('POST', '/api/wxuser', {}, headers)).body).toMatchObject({
    status: 400,
    code: 'invalid_request',
    issues: [{ path: 'code' }],
  });
  const { body } = await app.call('POST', '/api/wxuser', { code: 'a-code-of-wx-login' }, headers);
  expect(body.isNew).toBe(true);
  expect((await app.rows()).map((row) => row.user_id)).not.toContain(BOB);
  expect(asked()).toBe(1);
});

test('the platform’s names for its MySQL are understood', () => {
  const env = {
    MYSQL_ADDRESS: '10.1.2.3:3307',
    MYSQL_USERNAME: 'weapp',
    MYSQL_PASSWORD: 'p@ss',
    MYSQL_DATABASE: 'login',
    PORT: '80',
  };
  expect(loadConfig(env)).toMatchObject({
    databaseUrl: 'mysql://weapp:p%40ss@10.1.2.3:3307/login',
    port: 80,
  });
});
