import { expect, test } from 'vitest';
import { realSettings, startApp } from './support/app.ts';
import { errcode, json, SESSION, startStandIn, token } from './support/wechat.ts';

const PHONE_CODE = 'e31968a7f94cc5ee25fafc2aef2773f0bb8c3937b22520eb8ee345274d00c144';

async function start() {
  const wechat = await startStandIn();
  wechat.answerAt('/cgi-bin/stable_token', token());
  const app = await startApp({ env: realSettings(wechat.url) });
  const login = async (reply: object) => {
    wechat.answerAt('/sns/jscode2session', json(reply));
    return app.call('POST', '/api/wxuser', { code: 'c' });
  };
  return { app, wechat, login };
}

test.each<[string, object]>([
  ['a unionid of null', { unionid: null }],
  ['an empty unionid', { unionid: '' }],
  ['an errcode 0 beside the data', { errcode: 0, errmsg: 'ok' }],
  ['an errcode 0 as a text', { errcode: '0', errmsg: 'ok' }],
  ['an errcode and an errmsg of null', { errcode: null, errmsg: null, unionid: null }],
  ['an empty errcode', { errcode: '', errmsg: '' }],
  ['fields that nobody knows', { is_limit: null, rid: '' }],
])('WeChat answers a login with %s: the user is in, without a unionid', async (_name, more) => {
  const { app, login } = await start();
  const { status, body } = await login({ ...SESSION, ...more });
  expect([status, body.isNew]).toEqual([200, true]);
  expect(await app.rows()).toMatchObject([{ user_id: SESSION.openid, unionid: null }]);
});

test('a unionid that is there stays where WeChat later says null', async () => {
  const { app, login } = await start();
  const unionid = 'ocMvos6NjeKLIBqg5Mr9QjxrP1FA';
  for (const reply of [
    { ...SESSION, unionid },
    { ...SESSION, unionid: null },
    { ...SESSION, unionid: '' },
  ])
    expect((await login(reply)).status).toBe(200);
  expect(await app.rows()).toMatchObject([{ unionid }]);
});

test.each<[string, object, number, string, RegExp]>([
  ['no openid', { ...SESSION, openid: null }, 503, 'wechat_unavailable', /: openid$/],
  ['an empty openid', { ...SESSION, openid: '' }, 503, 'wechat_unavailable', /: openid$/],
  ['an openid that is a number', { ...SESSION, openid: 7 }, 503, 'wechat_unavailable', /: openid$/],
  ['an empty session_key', { ...SESSION, session_key: '' }, 503, 'wechat_unavailable', /: session_key$/],
  ['a unionid with a blank', { ...SESSION, unionid: 'a b' }, 503, 'wechat_unavailable', /: unionid$/],
  ['an errcode as a text', { errcode: '40029', errmsg: 'invalid code' }, 401, 'wechat_code_invalid', /40029/],
  ['an errcode beside data', { ...SESSION, errcode: 40_163 }, 401, 'wechat_code_used', /40163/],
  ['an errcode that is none', { ...SESSION, errcode: 'no' }, 503, 'wechat_unavailable', /: errcode$/],
])(
  'WeChat answers a login with %s: nobody is in, and the log names it',
  async (_name, reply, status, code, reason) => {
    const { app, login } = await start();
    expect((await login(reply)).body).toMatchObject({ status, code });
    expect(app.log.at(-1)?.['reason']).toMatch(reason);
    expect(await app.rows()).toEqual([]);
  },
);

test('a token whose life is a text, and a phone with nulls, are read', async () => {
  const { app, wechat, login } = await start();
  const headers = { Authorization: (await login(SESSION)).body.token };
  wechat.answerAt(
    '/cgi-bin/stable_token',
    json({ access_token: 'a-token-of-a-good-length', expires_in: '7200' }),
  );
  const info = { phoneNumber: null, purePhoneNumber: '12066600001', countryCode: '86', watermark: null };
  wechat.answerAt('/wxa/business/getuserphonenumber', json({ errcode: '0', errmsg: null, phone_info: info }));
  const { body } = await app.call('POST', '/api/wxuser/me/phone', { code: PHONE_CODE }, headers);
  expect(body).toMatchObject({ status: 200, phone: '+8612066600001' });
  expect(wechat.requests.at(-1)?.query['access_token']).toBe('a-token-of-a-good-length');
});

test('a phone_info of null is none: the log names it', async () => {
  const { app, wechat, login } = await start();
  const headers = { Authorization: (await login(SESSION)).body.token };
  wechat.answerAt('/wxa/business/getuserphonenumber', json({ errcode: 0, phone_info: null }));
  const { body } = await app.call('POST', '/api/wxuser/me/phone', { code: PHONE_CODE }, headers);
  expect(body).toMatchObject({ status: 503, code: 'wechat_unavailable' });
  expect(app.log.at(-1)?.['reason']).toMatch(/: phone_info$/);
  wechat.answerAt('/wxa/business/getuserphonenumber', errcode(40_029));
  const refused = await app.call('POST', '/api/wxuser/me/phone', { code: PHONE_CODE }, headers);
  expect(refused.body).toMatchObject({ status: 400, code: 'phone_code_invalid' });
});
