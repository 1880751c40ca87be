import { createCipheriv, createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Sealed } from '../src/wechat/crypto.ts';
import { readProfile, type SentProfile } from '../src/wechat/profile.ts';
import { parseRawData, signedText } from '../src/wechat/raw-data.ts';
import { receiveSealed } from '../src/wechat/sealed-text.ts';
import vectors from './fixtures/wechat-vectors.json' with { type: 'json' };
import { realSettings, startApp } from './support/app.ts';
import { json, SESSION, startStandIn, token } from './support/wechat.ts';

const { encryptedData: sealed, signature } = vectors;

/** What happens to base64 between a phone and a server. */
const DAMAGES: [string, (text: string) => string][] = [
  ['as it is', (text) => text],
  ['each + is a blank', (text) => text.replaceAll('+', ' ')],
  ['URL-encoded', encodeURIComponent],
  ['URL-encoded twice', (text) => encodeURIComponent(encodeURIComponent(text))],
  ['URL-encoded three times', (text) => encodeURIComponent(encodeURIComponent(encodeURIComponent(text)))],
  [
    'URL-encoded in small letters',
    (text) => encodeURIComponent(text).replace(/%../g, (part) => part.toLowerCase()),
  ],
  [
    'URL-encoded but for its +, which became blanks',
    (text) => encodeURIComponent(text).replaceAll('%2B', ' '),
  ],
  ['in the alphabet of URLs', (text) => text.replaceAll('+', '-').replaceAll('/', '_')],
  ['in the alphabet of URLs, unpadded', (text) => Buffer.from(text, 'base64').toString('base64url')],
  ['unpadded', (text) => text.replace(/=+$/, '')],
  ['with half its padding', (text) => text.replace(/==$/, '=')],
  ['in lines of 76', (text) => text.replace(/.{76}/g, '$&\n')],
  ['in lines of 64 that end as on Windows', (text) => `${text.replace(/.{64}/g, '$&\r\n')}\r\n`],
  ['in indented lines', (text) => text.replace(/.{40}/g, '$&\n    ')],
  ['in lines, each + a blank', (text) => text.replace(/.{76}/g, '$&\n').replaceAll('+', ' ')],
  ['with a blank before its padding', (text) => text.replace(/=*$/, ' $&')],
  ['between blanks', (text) => `  ${text} `],
  ['in quotes', JSON.stringify],
  ['with escaped slashes', (text) => text.replaceAll('/', '\\/')],
  ['in quotes, URL-encoded', (text) => encodeURIComponent(JSON.stringify(text))],
];

/** What cannot be undone, and what the answer says of it. */
const OTHERS: [string, Partial<Sealed>, string, RegExp, RegExp][] = [
  ['an object made a text', { encryptedData: '[object Object]' }, 'encryptedData', /object Object/, /对象/],
  [
    'the whole detail as JSON',
    { encryptedData: '{"encryptedData":"…","iv":"…"}' },
    'encryptedData',
    /is JSON/,
    /是 JSON/,
  ],
  ['cut', { encryptedData: sealed.encryptedData.slice(0, -5) }, 'encryptedData', /not whole/, /不完整/],
  [
    'cut at a block of base64',
    { encryptedData: sealed.encryptedData.slice(0, -8) },
    'encryptedData',
    /not whole/,
    /不完整/,
  ],
  [
    'hex',
    { encryptedData: Buffer.from(sealed.encryptedData, 'base64').toString('hex') },
    'encryptedData',
    /is hex/,
    /十六进制/,
  ],
  ['some text', { encryptedData: '加密数据' }, 'encryptedData', /not the base64 text/, /base64/],
  [
    'the two exchanged',
    { encryptedData: sealed.iv, iv: sealed.encryptedData },
    'encryptedData',
    /iv are each in/,
    /写反/,
  ],
  ['the iv of something else', { iv: 'AAAA' }, 'iv', /24 characters/, /24 个字符/],
  ['an iv that is an object', { iv: '[object Object]' }, 'iv', /object Object/, /对象/],
  [
    'an iv that ends in other bits',
    { iv: sealed.iv.replace('A==', 'B==') },
    'iv',
    /24 characters/,
    /24 个字符/,
  ],
];

describe('encryptedData and iv', () => {
  test.each(DAMAGES)('%s: the text that WeChat gave', (_name, damage) => {
    const { iv, encryptedData } = sealed;
    const sent = { encryptedData: damage(encryptedData), iv: damage(iv) };
    expect(receiveSealed(sent)).toEqual({ sealed: { encryptedData, iv } });
  });

  test('of any bytes, in any damage (property)', () => {
    const blocks = fc
      .integer({ min: 1, max: 20 })
      .chain((count) => fc.uint8Array({ minLength: 16 * count, maxLength: 16 * count }));
    const damage = fc.constantFrom(...DAMAGES.map(([, each]) => each));
    const iv = fc.uint8Array({ minLength: 16, maxLength: 16 });
    const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64');
    fc.assert(
      fc.property(blocks, iv, damage, (data, vector, each) => {
        const meant = { encryptedData: base64(data), iv: base64(vector) };
        const sent = { encryptedData: each(meant.encryptedData), iv: each(meant.iv) };
        expect(receiveSealed(sent)).toEqual({ sealed: meant });
      }),
      { numRuns: 2000 },
    );
  });

  test.each(OTHERS)('%s: said as what it is', (_name, change, path, en, zh) => {
    const { issue } = receiveSealed({ ...sealed, ...change });
    expect(issue).toMatchObject({
      path,
      message: { en: expect.stringMatching(en), zh: expect.stringMatching(zh) },
    });
  });
});

const { rawData, sha1, sessionKey } = signature;

/** What happens to rawData between a phone and a server. */
const WRAPS: [string, (text: string) => string | Record<string, unknown>][] = [
  ['as it is', (text) => text],
  ['an object', (text) => JSON.parse(text)],
  ['URL-encoded', encodeURIComponent],
  ['URL-encoded twice', (text) => encodeURIComponent(encodeURIComponent(text))],
  ['as a form writes it', (text) => new URLSearchParams({ '': text }).toString().slice(1)],
  ['URL-encoded as a whole address', encodeURI],
  ['as a text in JSON', JSON.stringify],
  ['as a text in JSON, URL-encoded', (text) => encodeURIComponent(JSON.stringify(text))],
  ['with escaped quotes', (text) => JSON.stringify(text).slice(1, -1)],
  ['each + is a blank', (text) => text.replaceAll('+', ' ')],
];
const sign = (text: string) => createHash('sha1').update(text).update(sessionKey).digest('hex');
const named = (nickName: string) => JSON.stringify({ ...JSON.parse(rawData), nickName });

describe('rawData', () => {
  test.each(WRAPS)('%s: the text that WeChat signed', (_name, wrap) => {
    for (const text of [rawData, named('A+B'), named('"名" \\ 😀%41&=')])
      expect(signedText(wrap(text), sign(text), sessionKey)).toBe(text);
  });

  test.each(WRAPS)('%s: without a signature it says the same', (_name, wrap) => {
    expect(parseRawData(wrap(rawData)).said).toEqual(JSON.parse(rawData));
    expect(parseRawData(wrap(named('王 五'))).said).toMatchObject({ nickName: '王 五' });
  });

  test.each([
    ['upper case', sha1.toUpperCase()],
    ['quotes', `"${sha1}"`],
    ['a line break', `${sha1}\n`],
  ])('the signature with %s is the same', (_name, sent) => {
    expect(signedText(rawData, sent, sessionKey)).toBe(rawData);
  });

  test('no other text counts as signed, whatever it may be read as (property)', () => {
    const other = fc
      .string({ unit: 'grapheme' })
      .filter((name) => name !== 'Band')
      .map(named);
    const wrap = fc.constantFrom(...WRAPS.map(([, each]) => each));
    fc.assert(
      fc.property(other, wrap, (text, each) => {
        expect(signedText(each(text), sha1, sessionKey)).toBeUndefined();
        expect(signedText(each(rawData), sha1, '')).toBeUndefined();
      }),
      { numRuns: 500 },
    );
  });

  const context = { sessionKey, openid: 'o', appid: 'wx', now: new Date(), strict: false, provenOnly: false };
  const issuesOf = (sent: SentProfile) => readProfile(sent, context).issues;

  test.each<[string, SentProfile, string, RegExp, RegExp]>([
    [
      'an object that is not as it was',
      { rawData: { nickName: 'Band' }, signature: sha1 },
      'signature',
      /an object came/,
      /对象/,
    ],
    ['no rawData', { signature: sha1 }, 'signature', /is missing/, /没有收到 rawData/],
    ['another rawData', { rawData: named('Eve'), signature: sha1 }, 'signature', /does not match/, /不符/],
    ['a signature that is none', { rawData, signature: 'c2ln' }, 'signature', /40 hex digits/, /40 位/],
    ['an object made a text', { rawData: '[object Object]' }, 'rawData', /\[object Object\]/, /对象/],
    ['what was escaped as HTML', { rawData: rawData.replaceAll('"', '&quot;') }, 'rawData', /HTML/, /HTML/],
    ['half of it', { rawData: rawData.slice(0, 40) }, 'rawData', /not a JSON object/, /不是 JSON/],
    ['broken escapes', { rawData: '%7B%22%E4' }, 'rawData', /not a JSON object/, /不是 JSON/],
  ])('%s: said as what it is', (_name, sent, path, en, zh) => {
    const [issue] = issuesOf(sent);
    expect(issue).toMatchObject({
      path,
      message: { en: expect.stringMatching(en), zh: expect.stringMatching(zh) },
    });
  });
});

describe('over a running server', () => {
  async function start(session_key: string, seconds: number, env: Record<string, string> = {}) {
    const wechat = await startStandIn();
    wechat.answer(json({ ...SESSION, session_key }));
    wechat.answerAt('/cgi-bin/stable_token', token());
    const genuine = { errcode: 0, errmsg: 'ok', vaild: true, create_time: 1_700_000_000 };
    wechat.answerAt('/wxa/business/checkencryptedmsg', json(genuine));
    let now = () => new Date(seconds * 1000);
    const app = await startApp({ env: { ...realSettings(wechat.url), ...env }, now: () => now() });
    const login = async (body: object) =>
      (await app.call('POST', '/api/wxuser', { code: 'c', ...body }, ENGLISH)).body;
    const setClock = (at: number) => {
      now = () => new Date(at * 1000);
    };
    return { app, wechat, login, setClock };
  }
  const ENGLISH = { 'Accept-Language': 'en' };

  test('a login reads damaged encryptedData, in JSON and in a form; what is none is named, not “call wx.login”', async () => {
    const { app, login } = await start(sealed.sessionKey, 1_477_314_187);
    const { iv, encryptedData } = sealed;
    for (const [, damage] of DAMAGES) {
      const body = await login({ encryptedData: damage(encryptedData), iv: damage(iv) });
      expect([body.user.nickName, body.issues]).toEqual(['Band', undefined]);
    }
    const form = `code=c&encryptedData=${encryptedData}&iv=${iv}`; // nothing escaped: each + is a blank
    const sent = await app.call('POST', '/api/wxuser', form, {
      'Content-Type': 'application/x-www-form-urlencoded',
    });
    expect([sent.body.user.nickName, sent.body.issues]).toEqual(['Band', undefined]);
    for (const [, change, path, en] of OTHERS) {
      const { issues } = await login({ iv, encryptedData, ...change });
      expect(issues).toEqual([{ path, message: expect.stringMatching(en) }]);
      expect(issues[0].message).not.toMatch(/wx\.login/);
    }
  });

  test('a login takes wrapped rawData for WeChat’s word in strict mode too, and nothing else', async () => {
    const { login } = await start(sessionKey, 1_700_000_000, { WX_PROFILE_STRICT: 'true' });
    for (const [, wrap] of WRAPS) {
      const body = await login({ rawData: wrap(rawData), signature: sha1 });
      expect([body.user?.nickName, body.issues]).toEqual(['Band', undefined]);
      const forged = await login({ rawData: wrap(named('Eve')), signature: sha1 });
      expect([forged.status, forged.code]).toEqual([400, 'profile_rejected']);
    }
  });

  test('the phone: what was damaged is stored, what is none is a 400 that names it, and asks nobody to log in again', async () => {
    const { app, wechat, login, setClock } = await start(
      vectors.phone.sessionKey,
      Math.floor(Date.now() / 1000),
    );
    const headers = { ...ENGLISH, Authorization: (await login({})).token };
    setClock(1_700_000_000); // tokens are verified by the real clock
    const { iv, encryptedData } = vectors.phone;
    for (const [, damage] of DAMAGES.slice(1, 9)) {
      const body = { encryptedData: damage(encryptedData), iv: damage(iv) };
      expect((await app.call('POST', '/api/wxuser/me/phone', body, headers)).body.phone).toBe(
        '+8612066600001',
      );
    }
    const hash = createHash('sha256').update(encryptedData).digest('hex');
    expect(wechat.requests.at(-1)?.body).toEqual({ encrypted_msg_hash: hash });
    const cut = { encryptedData: encryptedData.slice(0, -7), iv };
    const { body } = await app.call('POST', '/api/wxuser/me/phone', cut, headers);
    expect(body).toMatchObject({ status: 400, code: 'invalid_request', retry: 'never' });
    expect(body.issues).toEqual([{ path: 'encryptedData', message: expect.stringMatching(/not whole/) }]);
    expect(app.log.at(-1)?.['reason']).toMatch(/encryptedData is not whole/);
  });
});

test('what decrypts through a repair is no more than what decrypts without one', () => {
  const key = Buffer.from(sealed.sessionKey, 'base64');
  const cipher = createCipheriv('aes-128-cbc', key, Buffer.from(sealed.iv, 'base64'));
  const foreign = Buffer.concat([cipher.update('{"nickName":"Eve"}'), cipher.final()]).toString('base64');
  for (const [, damage] of DAMAGES) {
    const sent = { encryptedData: damage(foreign), iv: damage(sealed.iv) };
    const context = {
      sessionKey: sealed.sessionKey,
      openid: 'o',
      appid: 'wx',
      now: new Date(),
      strict: false,
      provenOnly: false,
    };
    expect(readProfile(sent, context).profile).toEqual({});
  }
});

test('a rawData of objects that is nested too deep to be written is not signed, and no failure of ours', () => {
  let rawData: Record<string, unknown> = {};
  for (let i = 0; i < 20_000; i += 1) rawData = { a: rawData };
  expect(signedText(rawData, 'f'.repeat(40), 'key')).toBeUndefined();
});
