import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { loadConfig } from '../src/config.ts';
import { APPID, realSettings, startApp, WX_SECRET } from './support/app.ts';
import { keepSecret } from './support/no-secrets.ts';
import { json, SESSION, startStandIn } from './support/wechat.ts';

const [ADA, BOB] = ['oAdaOnCloudRun00000000000000', 'oBobOnCloudRun00000000000000'];
keepSecret(ADA);
keepSecret(BOB);

type Trusted = 'WX_TRUST_CLOUD_HEADERS' | 'WX_TRUST_CLOUD_FROM_HEADERS';

async function start(trusted?: Trusted, env: Record<string, string> = {}) {
  const wechat = await startStandIn();
  const settings = { ...realSettings(wechat.url), ...(trusted && { [trusted]: 'true' }), ...env };
  const app = await startApp({ env: settings });
  const login = (headers: Record<string, string>, body: object = {}) =>
    app.call('POST', '/api/wxuser', body, headers);
  return { app, wechat, login, asked: () => wechat.asked.length };
}

const pairs = [
  ['WX_TRUST_CLOUD_HEADERS', 'X-WX', 'X-WX-FROM'],
  ['WX_TRUST_CLOUD_FROM_HEADERS', 'X-WX-FROM', 'X-WX'],
] as const;

const CODE = { code: 'a-code-of-wx-login' };
const UNIONID = 'oUnionidOfSomebody0000000000';
const OTHER_APP = 'wx9999999999999999';
keepSecret(UNIONID);

describe.each(pairs)('with %s=true', (setting, pair, other) => {
  const headersOf = (openid: string, more = {}) => ({
    [`${pair}-OPENID`]: openid,
    [`${pair}-APPID`]: APPID,
    ...more,
  });

  test('a request with its headers logs in without a code, and WeChat is not asked', async () => {
    const { app, login, asked } = await start(setting);
    const { status, body } = await login(headersOf(ADA));
    expect({ status, ...body }).toMatchObject({ status: 200, isNew: true });
    expect(await app.rows()).toMatchObject([{ appid: APPID, user_id: ADA, unionid: null }]);
    const me = await app.call('GET', '/api/wxuser/me', undefined, { Authorization: body.token });
    expect(me.status).toBe(200);
    const koa = await app.call('POST', '/user/wechatlogin', {}, headersOf(ADA));
    expect(koa.body).toMatchObject({ code: 0, data: { token: expect.stringMatching(/^eyJ/) } });
    expect(await app.rows()).toHaveLength(1);
    expect(asked()).toBe(0);
  });

  test('the other pair, which may be the client’s own, is not read: not alone', async () => {
    const { app, login, asked } = await start(setting);
    const forged = { [`${other}-OPENID`]: BOB, [`${other}-APPID`]: APPID, [`${other}-UNIONID`]: UNIONID };
    expect((await login(forged)).body).toMatchObject({
      ...{ status: 400, code: 'invalid_request' },
      issues: [{ path: 'code' }],
    });
    expect((await login(forged, { code: 'a-code-of-wx-login' })).status).toBe(200);
    expect(asked()).toBe(1);
    expect((await app.rows()).map(({ user_id }) => user_id)).not.toContain(BOB);
  });

  test.each([{ APPID }, { APPID: OTHER_APP }, { UNIONID }, { OPENID: '', APPID, UNIONID }])(
    'without an OPENID (%o) it is a login by code',
    async (sent) => {
      const { app, login, asked } = await start(setting);
      const headers = Object.fromEntries(
        Object.entries(sent).map(([key, value]) => [`${pair}-${key}`, value]),
      );
      expect((await login(headers)).body).toMatchObject({ status: 400, issues: [{ path: 'code' }] });
      expect((await login(headers, CODE)).status).toBe(200);
      expect(asked()).toBe(1);
      expect(await app.rows()).toMatchObject([{ user_id: SESSION.openid }]);
    },
  );

  test.each([
    ['OPENID', { OPENID: 'o; DROP TABLE' }],
    ['OPENID', { OPENID: 'o'.repeat(65) }],
    ['OPENID', { OPENID: 'o'.repeat(19) }],
    ['OPENID', { OPENID: `${ADA}, ${BOB}` }],
    ['UNIONID', { UNIONID: 'uAda' }],
    ['UNIONID', { UNIONID: 'u'.repeat(65) }],
    ['UNIONID', { UNIONID: `${UNIONID}!` }],
    ['APPID', { APPID: '' }],
    ['APPID', { APPID: OTHER_APP }],
    ['APPID', { APPID: `${APPID}, ${APPID}` }],
    ['APPID', { APPID: APPID.toUpperCase() }],
  ])('%s: %o is refused, and so is a code beside it', async (name, changes) => {
    const { app, login, asked } = await start(setting);
    const sent = Object.entries(changes).map(([key, value]) => [`${pair}-${key}`, value]);
    const headers = headersOf(ADA, Object.fromEntries(sent));
    for (const body of [{}, { code: 'a-code-of-wx-login' }]) {
      expect((await login(headers, body)).body).toMatchObject({
        ...{ status: 400, code: 'invalid_request' },
        issues: [{ path: `${pair}-${name}` }],
      });
      const koa = await app.call('POST', '/user/wechatlogin', body, headers);
      expect(koa.body).toMatchObject({ status: 400, code: 'invalid_request' });
    }
    expect(await app.rows()).toEqual([]);
    expect(asked()).toBe(0);
  });

  test('the appid must be said: a Referer does not say it', async () => {
    const { app, login } = await start(setting);
    const referer = { Referer: `https://servicewechat.com/${APPID}/1/page-frame.html` };
    const { body } = await login({ [`${pair}-OPENID`]: ADA, ...referer });
    expect(body).toMatchObject({ code: 'invalid_request', issues: [{ path: `${pair}-APPID` }] });
    expect(await app.rows()).toEqual([]);
  });

  test('a unionid of somebody else links nobody’s rows to mine', async () => {
    const apps = { WX_APPS: `${APPID}:${WX_SECRET},${OTHER_APP}:${WX_SECRET}` };
    const { app, wechat, login } = await start(setting, { ...apps, WX_APPID: '', WX_SECRET: '' });
    wechat.answer(json({ ...SESSION, openid: BOB, unionid: UNIONID }));
    expect((await login({}, { code: 'c', appid: OTHER_APP })).status).toBe(200);
    const { body } = await login(headersOf(ADA, { [`${pair}-UNIONID`]: UNIONID }));
    const mine = { Authorization: body.token };
    const me = await app.call('GET', '/api/wxuser/me', undefined, mine);
    expect(me.body).toMatchObject({ user: { id: body.user.id }, linked: [] });
    const { body: exported } = await app.call('GET', '/api/wxuser/me/export', undefined, mine);
    expect(JSON.stringify(exported)).not.toContain(UNIONID);
    expect((await app.rows()).map(({ unionid }) => unionid)).toEqual([UNIONID, null]);
  });

  test('what code2Session said of the unionid stays', async () => {
    const { app, wechat, login } = await start(setting);
    wechat.answer(json({ ...SESSION, openid: ADA, unionid: UNIONID }));
    await login({}, { code: 'a-code-of-wx-login' });
    await login(headersOf(ADA, { [`${pair}-UNIONID`]: `${UNIONID}0` }));
    expect(await app.rows()).toMatchObject([{ user_id: ADA, unionid: UNIONID }]);
  });

  test('there is no session_key, so nothing of a profile counts as proven', async () => {
    const { login } = await start(setting, { WX_PROFILE_STRICT: 'true' });
    const rawData = '{"nickName":"Mallory"}';
    // What anybody can compute who knows that the key is empty.
    const signature = createHash('sha1').update(rawData).digest('hex');
    expect((await login(headersOf(ADA), { rawData, signature })).body).toMatchObject({
      code: 'profile_rejected',
    });
  });
});

test('under resource sharing the pair that names the owner of the environment is not read', async () => {
  const { app, login } = await start('WX_TRUST_CLOUD_FROM_HEADERS');
  const owner = { 'X-WX-OPENID': BOB, 'X-WX-APPID': OTHER_APP, 'X-WX-UNIONID': UNIONID };
  const caller = { 'X-WX-FROM-OPENID': ADA, 'X-WX-FROM-APPID': APPID };
  expect((await login({ ...owner, ...caller })).status).toBe(200);
  expect(await app.rows()).toMatchObject([{ user_id: ADA, appid: APPID }]);
});

test.each([
  ['OPENID', BOB],
  ['APPID', APPID],
  ['UNIONID', UNIONID],
  ['SOMETHING', 'x'],
])(
  'with WX_TRUST_CLOUD_HEADERS, an X-WX-FROM-%s beside is refused, and the log names the other setting',
  async (name, value) => {
    const { app, login, asked } = await start('WX_TRUST_CLOUD_HEADERS');
    const owner = { 'X-WX-OPENID': ADA, 'X-WX-APPID': APPID };
    for (const body of [{}, CODE])
      expect((await login({ ...owner, [`x-wx-from-${name}`]: value }, body)).body).toMatchObject({
        ...{ status: 400, code: 'invalid_request' },
        issues: [{ path: `X-WX-FROM-${name}` }],
      });
    expect(app.log.at(-1)?.['reason']).toContain('set WX_TRUST_CLOUD_FROM_HEADERS=true');
    expect(await app.rows()).toEqual([]);
    expect(asked()).toBe(0);
    expect((await login({ ...owner, [`X-WX-FROM-${name}`]: '' })).status).toBe(200); // an empty one says nothing
  },
);

test.each(['X-WX', 'X-WX-FROM'])('without a setting a forged %s-OPENID is ignored', async (pair) => {
  const { app, login, asked } = await start();
  const headers = { [`${pair}-OPENID`]: BOB, [`${pair}-APPID`]: APPID };
  expect((await login(headers)).body).toMatchObject({
    ...{ status: 400, code: 'invalid_request' },
    issues: [{ path: 'code' }],
  });
  const { body } = await login(headers, { code: 'a-code-of-wx-login' });
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
