import { createHash, createHmac } from 'node:crypto';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type AppError, catalogue, type ErrorCode, type Retry } from '../src/errors.ts';
import { createWeChat, type WeChat } from '../src/wechat/client.ts';
import { isLoginCode, isPhoneCode } from '../src/wechat/codes.ts';
import { APPID, realSettings, startApp, WX_SECRET } from './support/app.ts';
import { failureOf } from './support/failure.ts';
import { keepSecret } from './support/no-secrets.ts';
import {
  cut,
  errcode,
  hang,
  held,
  json,
  newToken,
  type Reply,
  SESSION,
  type StandIn,
  startStandIn,
  text,
  token,
} from './support/wechat.ts';

const SHORT = { timeoutMs: 400 };
const { openid, session_key: KEY } = SESSION;
const LOGIN_CODE = '0a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P';
const PHONE_CODE = 'e31968a7f94cc5ee25fafc2aef2773f0bb8c3937b22520eb8ee345274d00c144';
const PHONE = { phoneNumber: '12066600001', purePhoneNumber: '12066600001', countryCode: '86' };
const NEW_KEY = 'HyVFkGl5F5OQWJZZaNzBBg==';
const TRACE = '60ae120f-371d5872-7941a05b';
const OK = { errcode: 0, errmsg: 'ok' };
const SIGNATURE = createHmac('sha256', KEY).update('').digest('hex');
for (const secret of [PHONE.phoneNumber, NEW_KEY, SIGNATURE]) keepSecret(secret);

interface Endpoint {
  readonly path: string;
  call(client: WeChat): Promise<unknown>;
  readonly replies: object;
  readonly answer: unknown;
  /** What the request holds beside the access_token. */
  readonly sent: { readonly method: 'GET' | 'POST'; readonly query?: object; readonly body?: object };
  /** A reply without what it should hold, and the field that the log names. */
  readonly lacking?: readonly [object, string];
}

const endpoints = {
  code2Session: {
    path: '/sns/jscode2session',
    call: (client) => client.code2Session(LOGIN_CODE),
    replies: { ...SESSION, unionid: 'oUnionid' },
    answer: { openid, unionid: 'oUnionid', sessionKey: KEY },
    sent: {
      method: 'GET',
      query: { appid: APPID, secret: WX_SECRET, js_code: LOGIN_CODE, grant_type: 'authorization_code' },
    },
    lacking: [{ openid }, 'session_key'],
  },
  stable_token: {
    path: '/cgi-bin/stable_token',
    call: (client) => client.getAccessToken(),
    replies: { access_token: 'a-token-of-a-good-length', expires_in: 7200 },
    answer: 'a-token-of-a-good-length',
    sent: {
      method: 'POST',
      body: { grant_type: 'client_credential', appid: APPID, secret: WX_SECRET, force_refresh: false },
    },
    lacking: [{ access_token: 'a-token-of-a-good-length' }, 'expires_in'],
  },
  getUserPhoneNumber: {
    path: '/wxa/business/getuserphonenumber',
    call: (client) => client.getUserPhoneNumber(PHONE_CODE, openid),
    replies: { ...OK, phone_info: { ...PHONE, watermark: { timestamp: 1_637_744_274, appid: APPID } } },
    answer: PHONE,
    sent: { method: 'POST', body: { code: PHONE_CODE, openid } },
    lacking: [{ ...OK, phone_info: { ...PHONE, purePhoneNumber: null } }, 'phone_info.purePhoneNumber'],
  },
  checkEncryptedData: {
    path: '/wxa/business/checkencryptedmsg',
    call: (client) => client.checkEncryptedData('AAAA'),
    replies: { ...OK, vaild: true, create_time: 1_637_744_274 },
    answer: new Date(1_637_744_274_000),
    sent: {
      method: 'POST',
      body: { encrypted_msg_hash: createHash('sha256').update('AAAA').digest('hex') },
    },
    lacking: [{ ...OK, vaild: true }, 'create_time'],
  },
  checkSessionKey: {
    path: '/wxa/checksession',
    call: (client) => client.checkSessionKey(openid, KEY),
    replies: OK,
    answer: true,
    sent: { method: 'GET', query: { openid, signature: SIGNATURE, sig_method: 'hmac_sha256' } },
  },
  resetUserSessionKey: {
    path: '/wxa/resetusersessionkey',
    call: (client) => client.resetUserSessionKey(openid, KEY),
    replies: { ...OK, openid, session_key: NEW_KEY },
    answer: NEW_KEY,
    sent: { method: 'GET', query: { openid, signature: SIGNATURE, sig_method: 'hmac_sha256' } },
    lacking: [{ ...OK, openid }, 'session_key'],
  },
  msgSecCheck: {
    path: '/wxa/msg_sec_check',
    call: (client) =>
      client.msgSecCheck({ content: 'Ada 😀 你好', openid, scene: 'profile', nickname: 'Ada' }),
    replies: { ...OK, result: { suggest: 'risky', label: 20_003 }, detail: [], trace_id: TRACE },
    answer: { suggest: 'risky', label: 20_003, traceId: TRACE },
    sent: {
      method: 'POST',
      body: { content: 'Ada 😀 你好', openid, nickname: 'Ada', version: 2, scene: 1 },
    },
    lacking: [{ ...OK, result: { suggest: 'perhaps', label: 100 }, trace_id: TRACE }, 'result.suggest'],
  },
  mediaCheckAsync: {
    path: '/wxa/media_check_async',
    call: (client) =>
      client.mediaCheckAsync({ mediaUrl: 'https://example.com/a.png', openid, scene: 'social' }),
    replies: { ...OK, trace_id: TRACE },
    answer: TRACE,
    sent: {
      method: 'POST',
      body: { media_url: 'https://example.com/a.png', media_type: 2, version: 2, scene: 4, openid },
    },
    lacking: [OK, 'trace_id'],
  },
} as const satisfies Record<string, Endpoint>;

type Name = keyof typeof endpoints;
const names = Object.keys(endpoints) as Name[];
const withToken = names.filter((name) => endpoints[name].path.startsWith('/wxa/'));

function clientOf(wechat: StandIn, more: Partial<Parameters<typeof createWeChat>[0]> = {}): WeChat {
  keepSecret(WX_SECRET);
  const options = { appid: APPID, secret: WX_SECRET, apiBase: wechat.url, timeoutMs: 5000 };
  const client = createWeChat({ ...options, ...more });
  onTestFinished(client.close);
  return client;
}

async function start(more?: Parameters<typeof clientOf>[1]) {
  const wechat = await startStandIn();
  wechat.answerAt('/cgi-bin/stable_token', token(newToken()));
  return { wechat, client: clientOf(wechat, more) };
}

describe('a call that succeeds', () => {
  test.each(names)('%s', async (name) => {
    const { wechat, client } = await start();
    const { path, call, replies, answer, sent }: Endpoint = endpoints[name];
    wechat.answerAt(path, json(replies));
    expect(await call(client)).toEqual(answer);
    const asked = wechat.requests.find((request) => request.path === path);
    const { access_token, ...query } = asked?.query ?? {};
    expect(access_token !== undefined).toBe(path.startsWith('/wxa/'));
    expect({ method: asked?.method, query, body: asked?.body }).toEqual({
      method: sent.method,
      query: sent.query ?? {},
      body: sent.body,
    });
    if (sent.body) expect(asked?.type).toMatch(/^application\/json/);
  });

  test('a country code may be a number, and the openid may be left out', async () => {
    const { wechat, client } = await start();
    const { path } = endpoints.getUserPhoneNumber;
    wechat.answerAt(path, json({ ...OK, phone_info: { ...PHONE, countryCode: 86 } }));
    expect(await client.getUserPhoneNumber(PHONE_CODE)).toEqual(PHONE);
    expect(wechat.requests.at(-1)?.body).toEqual({ code: PHONE_CODE });
    const jamaican = { phoneNumber: '18765551234', purePhoneNumber: '5551234', countryCode: '1876' };
    wechat.answerAt(path, json({ ...OK, phone_info: jamaican }));
    expect(await client.getUserPhoneNumber(PHONE_CODE)).toEqual(jamaican);
  });

  test.each([
    ['phone_info.purePhoneNumber', { purePhoneNumber: '120-6660-0001' }],
    ['phone_info.purePhoneNumber', { purePhoneNumber: '1206660000１' }],
    ['phone_info.purePhoneNumber', { purePhoneNumber: '123' }],
    ['phone_info.countryCode', { countryCode: '+86' }],
    ['phone_info.countryCode', { countryCode: '086' }],
    ['phone_info.countryCode', { countryCode: 8.6 }],
    ['phone_info', { countryCode: '852', purePhoneNumber: '1234567890123' }],
  ])('a number is digits: no %s of %o', async (field, changes) => {
    const { wechat, client } = await start();
    const { path } = endpoints.getUserPhoneNumber;
    wechat.answerAt(path, json({ ...OK, phone_info: { ...PHONE, ...changes } }));
    expect(await failureOf(client.getUserPhoneNumber(PHONE_CODE))).toMatchObject({
      code: 'wechat_unavailable',
      reason: `WeChat's reply lacks or malforms: ${field}`,
    });
  });

  test.each([errcode(1), json({ ...OK, vaild: false })])('data that WeChat did not make', async (reply) => {
    const { wechat, client } = await start();
    wechat.answerAt(endpoints.checkEncryptedData.path, reply);
    expect(await client.checkEncryptedData('AAAA')).toBeUndefined();
  });

  test.each([87007, 87009])('checkSessionKey is false for %i', async (code) => {
    const { wechat, client } = await start();
    wechat.answerAt('/wxa/checksession', errcode(code));
    expect(await client.checkSessionKey(openid, KEY)).toBe(false);
  });

  test('a login asks for no access_token, and waits for none', async () => {
    const { wechat, client } = await start();
    await client.code2Session(LOGIN_CODE);
    expect(wechat.count('/cgi-bin/stable_token')).toBe(0);
    const slow = held(token());
    wechat.answerAt('/cgi-bin/stable_token', slow.reply);
    const waiting = client.getAccessToken();
    await slow.asked;
    expect((await client.code2Session('another')).openid).toBe(openid);
    slow.letGo();
    await waiting;
  });
});

type Refusal = readonly [errcode: number, code: ErrorCode, retry: Retry, reason: RegExp];

const misconfigured: Refusal[] = [
  [40013, 'wechat_misconfigured', 'never', /mend WX_APPID/],
  [40125, 'wechat_misconfigured', 'never', /mend WX_SECRET/],
  [40164, 'wechat_misconfigured', 'never', /IP whitelist/],
  [40243, 'wechat_misconfigured', 'never', /AppSecret is frozen/],
  [41002, 'wechat_misconfigured', 'never', /set WX_APPID/],
  [41004, 'wechat_misconfigured', 'never', /set WX_SECRET/],
];
const busy: Refusal[] = [
  [-1, 'wechat_unavailable', 'later', /WeChat is busy/],
  [45011, 'wechat_rate_limited', 'later', /limit per minute/],
  [45009, 'wechat_rate_limited', 'later', /limit per day/],
  [99999, 'wechat_unavailable', 'later', /do not know/],
];
const tokenRefused: Refusal[] = [
  [40001, 'wechat_unavailable', 'later', /access_token was refused too/],
  [40014, 'wechat_unavailable', 'later', /access_token was refused too/],
  [42001, 'wechat_unavailable', 'later', /access_token was refused too/],
  [41001, 'wechat_misconfigured', 'never', /access_token got lost/],
  [48001, 'wechat_misconfigured', 'never', /may not use this API/],
];
const foreignOpenid: Refusal[] = [
  [40003, 'wechat_misconfigured', 'never', /openid is not of WX_APPID/],
  [43104, 'wechat_misconfigured', 'never', /openid is not of WX_APPID/],
];

const refusals: Record<Name, Refusal[]> = {
  code2Session: [
    ...misconfigured,
    ...busy,
    [40029, 'wechat_code_invalid', 'login', /wrong or expired/],
    [40163, 'wechat_code_used', 'login', /40163/],
    [40226, 'wechat_user_blocked', 'never', /40226/],
    [41008, 'wechat_misconfigured', 'never', /code got lost/],
  ],
  stable_token: [...misconfigured, ...busy, [40001, 'wechat_misconfigured', 'never', /mend WX_SECRET/]],
  getUserPhoneNumber: [
    ...busy,
    ...tokenRefused,
    [40029, 'phone_code_invalid', 'never', /getPhoneNumber button works once, for 5 minutes/],
    [40163, 'phone_code_invalid', 'never', /works once/],
    [40013, 'phone_code_invalid', 'never', /another mini program/],
    [40003, 'phone_code_invalid', 'never', /another user/],
    [47001, 'phone_code_invalid', 'never', /not the form/],
  ],
  checkEncryptedData: [
    ...busy,
    ...tokenRefused,
    [40097, 'wechat_misconfigured', 'never', /encrypted_msg_hash got lost/],
  ],
  checkSessionKey: [
    ...busy,
    ...tokenRefused,
    ...foreignOpenid,
    [87008, 'wechat_misconfigured', 'never', /sig_method got lost/],
  ],
  resetUserSessionKey: [
    ...busy,
    ...tokenRefused,
    ...foreignOpenid,
    [87007, 'wechat_session_over', 'login', /87007/],
    [87008, 'wechat_misconfigured', 'never', /sig_method got lost/],
    [87009, 'wechat_session_over', 'login', /87009/],
  ],
  msgSecCheck: [
    ...busy,
    ...tokenRefused,
    ...foreignOpenid,
    [61010, 'wechat_user_inactive', 'login', /last two hours/],
  ],
  mediaCheckAsync: [
    ...busy,
    ...tokenRefused,
    ...foreignOpenid,
    [61010, 'wechat_user_inactive', 'login', /last two hours/],
  ],
};

describe.each(names)('an errcode of %s', (name) => {
  test.each(refusals[name])('%i is %s, retry %s', async (number, code, retry, reason) => {
    const { wechat, client } = await start();
    const { path, call }: Endpoint = endpoints[name];
    wechat.answerAt(path, errcode(number));
    const error = await failureOf(call(client));
    expect(error.code).toBe(code);
    expect(catalogue[error.code].retry).toBe(retry);
    expect(error.reason).toMatch(`WeChat answered ${number} (something, rid: 668f2aa4-51c08c03-3d141241)`);
    expect(error.reason).toMatch(reason);
    if (catalogue[error.code].status === 429) expect(error.retryAfter).toBeGreaterThan(0);
  });
});

describe('the code of the wrong button', () => {
  test.each([
    ['of wx.login', LOGIN_CODE, true, false],
    ['of the getPhoneNumber button', PHONE_CODE, false, true],
    ['in capitals', PHONE_CODE.toUpperCase(), false, false],
    ['too short for a login', LOGIN_CODE.slice(1), false, false],
    ['with a line after it', `${LOGIN_CODE}\n`, false, false],
    ['of nothing', '', false, false],
  ])('is known by its form: a code %s', (_name, code, login, phone) => {
    expect([isLoginCode(code), isPhoneCode(code)]).toEqual([login, phone]);
  });

  test.each([40029, 47001])('a login code that getuserphonenumber refuses with %i', async (number) => {
    const { wechat, client } = await start();
    wechat.answerAt(endpoints.getUserPhoneNumber.path, errcode(number));
    const error = await failureOf(client.getUserPhoneNumber(LOGIN_CODE, openid));
    expect(error).toMatchObject({ code: 'phone_code_expected', reason: expect.stringMatching(`${number}`) });
  });

  test('a login code is not refused by its form alone, nor for another reason', async () => {
    const { wechat, client } = await start();
    const { path, replies } = endpoints.getUserPhoneNumber;
    wechat.answerAt(path, json(replies), errcode(45011));
    expect(await client.getUserPhoneNumber(LOGIN_CODE)).toEqual(PHONE);
    expect((await failureOf(client.getUserPhoneNumber(LOGIN_CODE))).code).toBe('wechat_rate_limited');
  });

  test.each(['/api/wxuser', '/user/wechatlogin'])('a phone code that is sent to %s', async (path) => {
    const wechat = await startStandIn();
    wechat.answer(errcode(40029));
    const app = await startApp({ env: realSettings(wechat.url) });
    const headers = { 'Accept-Language': 'en' };
    const { status, body } = await app.call('POST', path, { code: PHONE_CODE }, headers);
    expect(status).toBe(400);
    expect(body).toMatchObject({ retry: 'never' });
    expect(body.messages ?? body.msg).toBe(catalogue.login_code_expected.en);
    expect(app.log.at(-1)).toMatchObject({ code: 'login_code_expected' });
  });
});

const redirect: Reply = (res, req) =>
  res.writeHead(307, { Location: `http://${req.headers.host}/elsewhere` }).end();
const drops: Reply = (res) => {
  const next = setInterval(() => res.write(' '), 50);
  res.on('close', () => clearInterval(next));
};

const faults: [string, Reply, RegExp][] = [
  ['hangs', hang, /did not answer within 400 ms/],
  ['sends its reply in drops', drops, /did not answer within 400 ms/],
  ['cuts the connection', cut, /could not be reached \(ECONNRESET\)/],
  ['answers 502 with HTML', text(502, 'text/html', '<h1>oops</h1>'), /HTTP 502/],
  ['answers 200 with HTML', text(200, 'text/html', '<h1>hi</h1>'), /not a JSON/],
  ['sends truncated JSON', text(200, 'text/plain', '{"errcode":0,"errm'), /not a JSON/],
  ['sends null', json(null), /not a JSON/],
  ['sends an endless reply', text(200, 'text/plain', 'x'.repeat(1_000_000)), /could not be reached/],
  ['redirects', redirect, /HTTP 307/],
];

// The test's own limit shows that the time-out holds.
describe.each(names)('when WeChat, asked for %s,', { timeout: 4000 }, (name) => {
  const { path, call, lacking }: Endpoint = endpoints[name];

  test.each(faults)('%s', async (_name, reply, reason) => {
    const { wechat, client } = await start(SHORT);
    wechat.answerAt(path, reply);
    const error = await failureOf(call(client));
    expect(error).toMatchObject({ code: 'wechat_unavailable', reason: expect.stringMatching(reason) });
    expect(wechat.count('/elsewhere')).toBe(0);
  });

  test('cuts a connection that is new: asks no second time, since a code may be spent', async () => {
    const { wechat, client } = await start();
    wechat.answerAt('/cgi-bin/stable_token', (res, req) => {
      res.setHeader('Connection', 'close');
      token()(res, req);
    });
    wechat.answerAt(path, cut);
    await failureOf(call(client));
    expect(wechat.count(path)).toBe(1);
  });

  test('closes a kept connection just as it is used again: asks again', async () => {
    const { wechat, client } = await start();
    await client.code2Session('the-first');
    const { replies, answer }: Endpoint = endpoints[name];
    wechat.answerAt(path, cut, json(replies));
    expect(await call(client)).toEqual(answer);
  });

  test('is busy once (-1): asks again', async () => {
    const { wechat, client } = await start();
    const { replies, answer }: Endpoint = endpoints[name];
    wechat.answerAt(path, errcode(-1), json(replies));
    expect(await call(client)).toEqual(answer);
    expect(wechat.count(path)).toBe(2);
  });

  const cases = lacking ? [lacking] : []; // checksession says nothing but its errcode
  test.each(cases)('leaves out what it should send: %j', async (body, field) => {
    const { wechat, client } = await start();
    wechat.answerAt(path, json(body));
    expect(await failureOf(call(client))).toMatchObject({
      code: 'wechat_unavailable',
      reason: `WeChat's reply lacks or malforms: ${field}`,
    });
  });
});

describe('nothing that is private gets into an error', () => {
  const everything = () => [APPID, WX_SECRET, LOGIN_CODE, PHONE_CODE, openid, KEY, SIGNATURE, NEW_KEY];
  const phone = 'of +8613800138000, 13800138000 or 12066600001';
  keepSecret('13800138000');

  test.each(names)('%s, although WeChat repeats it all', async (name) => {
    const { wechat, client } = await start();
    const { path, call }: Endpoint = endpoints[name];
    wechat.answerAt(path, (res, req) => {
      const query = [...new URL(req.url ?? '', 'http://wechat').searchParams.values()];
      // A page of text is cut off: only what was sent, and phone numbers.
      errcode(41002, `${query.join(' ')} ${phone}`)(res, req);
    });
    const first = await failureOf(call(client));
    expect(first.reason).toMatch(/^WeChat answered 41002 \(.*\[phone\]/);
    for (const secret of everything()) {
      wechat.answerAt(path, errcode(41002, `what ${secret.slice(0, -1)} is`));
      await failureOf(call(client));
    }
  });

  test.each(withToken)('%s, although WeChat repeats the access_token, whole or cut off', async (name) => {
    const value = newToken();
    const { wechat, client } = await start();
    const { path, call }: Endpoint = endpoints[name];
    wechat.answerAt('/cgi-bin/stable_token', token(value));
    for (const said of [value, value.slice(0, 60), value.slice(50), value.slice(3, 13)]) {
      wechat.answerAt(path, errcode(40001, `invalid credential ${said} rid: 668f2aa4-51c08c03-3d141241`));
      const { reason } = await failureOf(call(client));
      expect(reason).toMatch('40001 (invalid credential … rid: 668f2aa4-51c08c03-3d141241)');
    }
  });

  test('although the connection breaks, which axios reports with the URL and the body', async () => {
    const { wechat, client } = await start();
    for (const name of names) {
      const { path, call }: Endpoint = endpoints[name];
      wechat.answerAt(path, cut);
      const error: AppError = await failureOf(call(client));
      expect(error.cause).toBeUndefined();
      wechat.answerAt(path, token());
    }
  });
});

describe('checkApp', () => {
  test('is 0 when all is well', async () => {
    const { client } = await start();
    expect(await client.checkApp()).toEqual({ errcode: 0, errmsg: '', serverTime: expect.any(Date) });
  });

  test.each([
    [40125, 'wechat_misconfigured', /WX_SECRET/],
    [40164, 'wechat_misconfigured', /whitelist/],
    [45011, 'wechat_rate_limited', /minute/],
  ])('tells %i instead of throwing it, without a secret', async (number, code, hint) => {
    const { wechat, client } = await start();
    wechat.answerAt('/cgi-bin/stable_token', errcode(number, `not good: ${WX_SECRET}`));
    const told = {
      errcode: number,
      errmsg: 'not good: …',
      code,
      hint: expect.stringMatching(hint),
      serverTime: expect.any(Date),
    };
    expect(await client.checkApp()).toEqual(told);
  });

  test('never ends a token that is in use: it asks for a stable one, in plain mode too', async () => {
    const { wechat, client } = await start({ tokenMode: 'plain' });
    await client.checkApp();
    expect(wechat.count('/cgi-bin/token')).toBe(0);
  });

  test('throws when WeChat does not answer', async () => {
    const { wechat, client } = await start();
    wechat.answerAt('/cgi-bin/stable_token', cut);
    expect((await failureOf(client.checkApp())).code).toBe('wechat_unavailable');
  });
});
