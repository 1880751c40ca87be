import { describe, expect, test } from 'vitest';
import { JWT_SECRET, realSettings, startApp, type TestApp } from './support/app.ts';
import { engines, type FreshDatabase } from './support/engines.ts';
import { keepSecret } from './support/no-secrets.ts';
import { CALLBACK_TOKEN } from './support/push.ts';
import { MINUTE, openSandbox, type TestSandbox } from './support/sandbox.ts';
import { chosenAfterGarbage, known, seal, seeded, unseal } from './support/splice.ts';
import { errcode, json, SESSION, startStandIn, token } from './support/wechat.ts';

const VICTIM = '13900000000';
const random = seeded(7);
keepSecret(VICTIM);

/** Seconds. */
const NOW = Math.floor(Date.now() / 1000);

/** A server whose WeChat is a sandbox, with a clock that stands still, this much from the server's. */
async function start(database?: FreshDatabase, beside = 0) {
  const wechat = await openSandbox({ now: () => new Date(NOW * 1000 + beside) });
  const { appid: WX_APPID, secret: WX_SECRET, url: WX_API_BASE } = wechat;
  const env = { WX_APPID, WX_SECRET, WX_API_BASE, JWT_SECRET };
  return { wechat, app: await startApp({ env, ...(database && { database }) }) };
}

async function login(app: TestApp, wechat: TestSandbox, user: string) {
  const { body } = await app.call('POST', '/api/wxuser', { code: wechat.wx.login(user).code });
  return { Authorization: body.token as string };
}

const post = (app: TestApp, headers: Record<string, string>, body: object) =>
  app.call('POST', '/api/wxuser/me/phone', body, headers);
const phones = async (app: TestApp) => (await app.rows()).map(({ phone }) => phone);

/** The button's data, and its plaintext, which its owner knows: the number is his, and he can guess the second. */
function tap(wechat: TestSandbox, user: string, phone: string) {
  wechat.user(user, { phone });
  const { encryptedData, iv } = wechat.wx.getPhoneNumber(user);
  keepSecret(encryptedData);
  const text = JSON.stringify({
    ...{ phoneNumber: phone, purePhoneNumber: phone, countryCode: '86' },
    watermark: { timestamp: NOW, appid: wechat.appid },
  });
  return known(text, Buffer.from(iv, 'base64'), Buffer.from(encryptedData, 'base64'));
}

const REJECTED = { status: 400, code: 'phone_rejected', retry: 'login' };

describe.each(engines)('a forged phone, on $name', ({ fresh }) => {
  test('a block of garbage and one of another’s digits, in one’s own data: never stored', async () => {
    const { app, wechat } = await start(await fresh());
    for (const user of ['Eve', 'Eva', 'Evan']) {
      const headers = await login(app, wechat, user);
      const own = tap(wechat, user, '12066600001');
      // `12066600001","co` is one block, which stands where the value begins.
      const place = own.text.indexOf('"purePhoneNumber":"') + '"purePhoneNumber":"'.length;
      expect(place % 16).toBe(0);
      for (let tries = 0; tries < 10; tries++) {
        const forged = chosenAfterGarbage(`${VICTIM}","co`, [own], random);
        const blocks = own.blocks.toSpliced(place / 16, 1, ...forged);
        expect((await post(app, headers, unseal({ iv: own.iv, blocks }))).body).toMatchObject(REJECTED);
      }
    }
    expect(await phones(app)).toEqual([null, null, null]);
    expect(wechat.count('checkencryptedmsg')).toBe(0); // the grammar refuses it
    await app.close();
  });

  test('the honest data works, and WeChat is asked about it once', async () => {
    const { app, wechat } = await start(await fresh());
    const headers = await login(app, wechat, 'Ada');
    const own = tap(wechat, 'Ada', '12066600001');
    const { body } = await post(app, headers, unseal(own));
    expect(body).toMatchObject({ status: 200, phone: '+8612066600001' });
    expect(wechat.count('checkencryptedmsg')).toBe(1);
    expect(await phones(app)).toEqual(['+8612066600001']);
    await app.close();
  });
});

test('data that is right in all but that WeChat never made it is refused: WeChat is asked', async () => {
  const { app, wechat } = await start();
  const headers = await login(app, wechat, 'Eve');
  const { session_key } = await wechat.session(wechat.wx.login('Eve').code);
  const { text, iv } = tap(wechat, 'Eve', '12066600001');
  const forged = seal(text.replaceAll('12066600001', VICTIM), Buffer.from(session_key, 'base64'), iv);
  expect((await post(app, headers, unseal(forged))).body).toMatchObject(REJECTED);
  expect(app.log.at(-1)?.['reason']).toMatch(/WeChat does not know this encryptedData: forged, or more/);
  expect(wechat.count('checkencryptedmsg')).toBe(1);
  expect(await phones(app)).toEqual([null]);
});

test('other blocks are not what WeChat made, nor is base64 that ends in other bits', async () => {
  const { app, wechat } = await start();
  const headers = await login(app, wechat, 'Eve');
  const own = tap(wechat, 'Eve', '12066600001');
  const { encryptedData, iv } = unseal(own);
  for (const change of [
    unseal({ ...own, blocks: own.blocks.slice(1) }),
    unseal({ ...own, blocks: own.blocks.slice(0, -1) }),
  ]) {
    expect((await post(app, headers, change)).body).toMatchObject(REJECTED);
  }
  const otherBits = (text: string) => text.replace(/(.)(=+)$/, (_all, last, end) => `${next(last)}${end}`);
  const refused = await post(app, headers, { encryptedData, iv: otherBits(iv) });
  expect(refused.body).toMatchObject({ status: 400, code: 'invalid_request', issues: [{ path: 'iv' }] });
  expect(await phones(app)).toEqual([null]);
  expect((await post(app, headers, { encryptedData, iv })).status).toBe(200);
});

/** The digit after this one: it has the same first bits. */
const next = (digit: string) => String.fromCharCode(digit.charCodeAt(0) + 1);

test('the same bytes in another base64 are the text that WeChat made, and WeChat is asked about that', async () => {
  const { app, wechat } = await start();
  const headers = await login(app, wechat, 'Ada');
  const { encryptedData, iv } = unseal(tap(wechat, 'Ada', '12066600001'));
  const damaged = { encryptedData: `${encryptedData.replace(/=+$/, '')}\n`, iv: iv.replace(/=+$/, '') };
  expect((await post(app, headers, damaged)).body).toMatchObject({ status: 200, phone: '+8612066600001' });
  expect(wechat.count('checkencryptedmsg')).toBe(1);
});

test.each([
  ['an hour behind', -61 * MINUTE, /^encryptedData is 3[67]\d\d s old .*set this server's clock right/],
  ['ahead', 20 * MINUTE, /^encryptedData is 1[12]\d\d s ahead of our clock .*set this server's clock right/],
])('WeChat’s clock %s: the log says so, the reply does not', async (_name, beside, reason) => {
  const { app, wechat } = await start(undefined, beside);
  const headers = await login(app, wechat, 'Ada');
  const { body } = await post(app, headers, unseal(tap(wechat, 'Ada', '12066600001')));
  expect(body).toMatchObject(REJECTED);
  expect(JSON.stringify(body)).not.toMatch(/clock|watermark|时钟/);
  expect(app.log.at(-1)?.['reason']).toMatch(reason);
  expect(await phones(app)).toEqual([null]);
});

test.each([
  [
    { errcode: 48_001 },
    { status: 500, code: 'wechat_misconfigured' },
    /48001.*code of today's getPhoneNumber/,
  ],
  [{ errcode: 45_011 }, { status: 429, code: 'wechat_rate_limited' }, /45011/],
  [{ errcode: 40_097 }, { status: 500, code: 'wechat_misconfigured' }, /40097/],
  [{ cut: true }, { status: 503, code: 'wechat_unavailable' }, /could not be reached/],
] as const)('while WeChat cannot be asked (%j), nothing is stored', async (fault, expected, reason) => {
  const { app, wechat } = await start();
  const headers = await login(app, wechat, 'Ada');
  const own = unseal(tap(wechat, 'Ada', '12066600001'));
  wechat.fail('checkencryptedmsg', fault);
  expect((await post(app, headers, own)).body).toMatchObject(expected);
  expect(app.log.at(-1)?.['reason']).toMatch(reason);
  expect(await phones(app)).toEqual([null]);
  wechat.heal();
  expect((await post(app, headers, own)).status).toBe(200);
});

test.each([
  ['vaild: false', json({ errcode: 0, errmsg: 'ok', vaild: false }), REJECTED],
  ['errcode 1', errcode(1), REJECTED],
  ['made an hour before its watermark', made(NOW - 3600), REJECTED],
  ['made an hour after its watermark', made(NOW + 3600), REJECTED],
  [
    'a reply without a verdict',
    json({ errcode: 0, errmsg: 'ok' }),
    { status: 503, code: 'wechat_unavailable' },
  ],
  ['valid, by its right name', json({ errcode: 0, valid: true, create_time: NOW }), { status: 503 }],
  ['made a minute after its watermark', made(NOW + 60), { status: 200 }],
])('WeChat’s answer: %s', async (_name, reply, expected) => {
  const wechat = await startStandIn();
  wechat.answerAt('/cgi-bin/stable_token', token());
  wechat.answerAt('/wxa/business/checkencryptedmsg', reply);
  const env = realSettings(wechat.url);
  const app = await startApp({ env });
  const { body } = await app.call('POST', '/api/wxuser', { code: 'a-code-of-wx-login' });
  const text = JSON.stringify({
    ...{ phoneNumber: '12066600001', purePhoneNumber: '12066600001', countryCode: '86' },
    watermark: { timestamp: NOW, appid: env['WX_APPID'] },
  });
  const sealed = seal(text, Buffer.from(SESSION.session_key, 'base64'), Buffer.alloc(16, 7));
  const answer = await post(app, { Authorization: body.token }, unseal(sealed));
  expect(answer.body).toMatchObject(expected);
  expect(await phones(app)).toEqual([
    'status' in expected && expected.status === 200 ? '+8612066600001' : null,
  ]);
});

function made(create_time: number) {
  return json({ errcode: 0, errmsg: 'ok', vaild: true, create_time });
}

test('ten tries an hour of one user with encryptedData; codes and other users are not counted', async () => {
  const { app, wechat } = await start();
  const [eve, ada] = [await login(app, wechat, 'Eve'), await login(app, wechat, 'Ada')];
  const own = unseal(tap(wechat, 'Eve', '12066600001'));
  const forged = { ...own, iv: Buffer.alloc(16).toString('base64') };
  for (let tries = 0; tries < 10; tries++)
    expect((await post(app, eve, forged)).body).toMatchObject(REJECTED);
  const again = await login(app, wechat, 'Eve'); // another session is the same user
  for (const headers of [eve, again]) {
    const { body, headers: sent } = await post(app, headers, own);
    expect(body).toMatchObject({ status: 429, code: 'too_many_requests', retry: 'later' });
    expect(Number(sent.get('retry-after'))).toBeGreaterThan(3000);
    expect(Number(sent.get('retry-after'))).toBeLessThanOrEqual(3600);
  }
  expect(app.log.at(-1)?.['reason']).toMatch(/more than 10 tries an hour with encryptedData/);
  expect(wechat.count('checkencryptedmsg')).toBe(0);
  expect((await post(app, ada, unseal(tap(wechat, 'Ada', '12066600002')))).status).toBe(200);
  const { code } = wechat.wx.getPhoneNumber('Eve');
  keepSecret(code);
  expect((await post(app, eve, { code })).body).toMatchObject({ status: 200, phone: '+8612066600001' });
});

test('who erases the account and logs in again has no more tries', async () => {
  const { app, wechat } = await start();
  const forged = { ...unseal(tap(wechat, 'Eve', '12066600001')), iv: Buffer.alloc(16).toString('base64') };
  for (let tries = 0; tries < 10; tries++) {
    const eve = await login(app, wechat, 'Eve');
    expect((await post(app, eve, forged)).body).toMatchObject(REJECTED);
    expect((await app.call('DELETE', '/api/wxuser/me', undefined, eve)).status).toBe(200);
  }
  const eve = await login(app, wechat, 'Eve');
  expect((await post(app, eve, forged)).body).toMatchObject({ status: 429, code: 'too_many_requests' });
  const [row] = await app.rows();
  expect(JSON.stringify(app.log)).not.toContain(String(row?.user_id));
});

test.each([
  ['WeChat is away', { cut: true }, 503],
  ['WeChat limits our calls', { errcode: 45_011 }, 429],
  ['this API is not ours', { errcode: 48_001 }, 500],
] as const)('while %s, nobody uses up a try', async (_name, fault, status) => {
  const { app, wechat } = await start();
  const headers = await login(app, wechat, 'Ada');
  const own = unseal(tap(wechat, 'Ada', '12066600001'));
  const forged = { ...own, iv: Buffer.alloc(16).toString('base64') };
  wechat.fail('checkencryptedmsg', fault);
  for (let tries = 0; tries < 12; tries++) expect((await post(app, headers, own)).status).toBe(status);
  wechat.heal();
  expect((await post(app, headers, own)).status).toBe(200);
  for (let tries = 0; tries < 9; tries++)
    expect((await post(app, headers, forged)).body).toMatchObject(REJECTED);
  expect((await post(app, headers, own)).body).toMatchObject({ code: 'too_many_requests' });
});

describe('a forged profile', () => {
  const said = { nickName: 'Self-made', avatarUrl: 'https://example.com/a.png', gender: 1 };

  /** A profile whose name the iv has changed, if it opens at all. */
  async function forgedName(env: Record<string, string>) {
    const { wechat } = await start();
    const { appid: WX_APPID, secret: WX_SECRET, url: WX_API_BASE } = wechat;
    const app = await startApp({ env: { WX_APPID, WX_SECRET, WX_API_BASE, JWT_SECRET, ...env } });
    const { code } = wechat.wx.login('Eve');
    const { encryptedData, iv, rawData, signature } = wechat.wx.getUserProfile('Eve', said);
    const bytes = Buffer.from(iv, 'base64');
    // `{"nickName":"Sel` is the first block: the first letters of the name are the attacker's.
    for (const [i, letter] of [...'Adm'].entries())
      bytes[13 + i] = (bytes[13 + i] ?? 0) ^ letter.charCodeAt(0) ^ (said.nickName.charCodeAt(i) ?? 0);
    const forged = { code, encryptedData, iv: bytes.toString('base64') };
    return { app, forged, proof: { rawData, signature } };
  }

  test('through the iv counts as what the user says, no more', async () => {
    const { app, forged } = await forgedName({});
    expect((await app.call('POST', '/api/wxuser', forged)).body.user).toMatchObject({
      nickName: 'Admf-made',
    });
  });

  test('is no proof in strict mode, nor beside a good signature', async () => {
    const { app, forged, proof } = await forgedName({ WX_PROFILE_STRICT: 'true' });
    expect((await app.call('POST', '/api/wxuser', forged)).body).toMatchObject({
      status: 400,
      code: 'profile_rejected',
    });
    expect(await app.rows()).toEqual([]);
    const { app: other, forged: second, proof: good } = await forgedName({ WX_PROFILE_STRICT: 'true' });
    const { body } = await other.call('POST', '/api/wxuser', { ...second, ...good });
    expect(body.user).toMatchObject({ nickName: 'Self-made' });
    expect(proof).toBeDefined();
  });

  test('stays out of the row under content check', async () => {
    const callback = { WX_CALLBACK_TOKEN: CALLBACK_TOKEN, PUBLIC_URL: 'https://login.example.com' };
    const { app, forged } = await forgedName({ WX_CONTENT_CHECK: 'true', ...callback });
    expect((await app.call('POST', '/api/wxuser', forged)).body.user).toMatchObject({ nickName: null });
  });
});
