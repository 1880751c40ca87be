import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { type Context, openPhone, openProfile } from '../src/wechat/open-data.ts';
import { toInternational } from '../src/wechat/phone-fields.ts';
import { readProfile } from '../src/wechat/profile.ts';
import vectors from './fixtures/wechat-vectors.json' with { type: 'json' };
import { decrypted } from './support/open-data.ts';
import { type Forged, flipped, pick, seal, seeded, splice, startWith, unseal } from './support/splice.ts';

const { phone, encryptedData } = vectors;
const APPID = phone.appid;
const NOW = new Date('2026-03-01T04:00:00Z');
const KEY = Buffer.from(phone.sessionKey, 'base64');
const SECONDS = NOW.getTime() / 1000;
const random = seeded(20_260_301);
const newIv = () => Buffer.from(Array.from({ length: 16 }, () => random(256)));

const context: Context = { sessionKey: phone.sessionKey, appid: APPID, now: NOW };
const at = (timestamp: number): Context => ({ ...context, now: new Date(timestamp * 1000) });
const sealed = (text: string) => unseal(seal(text, KEY, newIv()));

const watermark = { timestamp: SECONDS, appid: APPID };
const number = {
  phoneNumber: '12066600001',
  purePhoneNumber: '12066600001',
  countryCode: '86',
  watermark,
};
const person = {
  ...{ nickName: 'Band', gender: 1, language: 'zh_CN', city: 'Guangzhou', province: 'Guangdong' },
  ...{ country: 'CN', avatarUrl: 'http://wx.qlogo.cn/mmopen/vi_32/abc/0', watermark },
};
const json = (value: object, changes: object = {}) => JSON.stringify({ ...value, ...changes });

describe('WeChat’s official vectors', () => {
  test('a phone', () => {
    expect(openPhone(phone, at(1_700_000_000)).data).toEqual(JSON.parse(phone.plaintext));
  });
  test('a profile', () => {
    const { data } = openProfile(encryptedData, at(1_477_314_187));
    expect(data).toEqual(JSON.parse(encryptedData.plaintext));
  });
  test('each is nothing else', () => {
    expect(openPhone(encryptedData, at(1_477_314_187)).data).toBeUndefined();
    expect(openProfile(phone, at(1_700_000_000)).data).toBeUndefined();
  });
});

describe('a phone is read', () => {
  test.each([
    ['spaces between tokens', JSON.stringify(number, null, 2)],
    ['escaped slashes and letters', json(number).replace('phoneNumber', 'phone\\u004eumber')],
    ['a countryCode that is a number', json(number, { countryCode: 86 })],
    ['its code in front', json(number, { phoneNumber: '8612066600001' })],
    ['+ and its code in front', json(number, { phoneNumber: '+8612066600001' })],
  ])('with %s', (_name, text) => {
    const { data } = openPhone(sealed(text), context);
    expect(data && toInternational(data)).toBe('+8612066600001');
  });

  test.each(['852', 852])('of another country, whose code is in front: %j', (countryCode) => {
    for (const phoneNumber of ['85212345678', '+85212345678']) {
      const text = json(number, { phoneNumber, purePhoneNumber: '12345678', countryCode });
      const { data } = openPhone(sealed(text), context);
      expect(data && toInternational(data)).toBe('+85212345678');
    }
  });

  test.each(['1876', 1876])('of a country whose code has four digits: %j', (countryCode) => {
    for (const phoneNumber of ['18765551234', '+18765551234']) {
      const text = json(number, { phoneNumber, purePhoneNumber: '5551234', countryCode });
      const { data } = openPhone(sealed(text), context);
      expect(data && toInternational(data)).toBe('+18765551234');
    }
    const text = json(number, {
      phoneNumber: '187655551234',
      purePhoneNumber: '5551234',
      countryCode: '18765',
    });
    expect(openPhone(sealed(text), context).data).toBeUndefined();
  });

  test.each([
    ['another appid', json(number, { watermark: { ...watermark, appid: 'wx0000000000000000' } })],
    ['no watermark', json(number, { watermark: undefined })],
    ['a watermark with more in it', json(number, { watermark: { ...watermark, more: 1 } })],
    ['a time that is a text', json(number, { watermark: { ...watermark, timestamp: String(SECONDS) } })],
    ['a time with a fraction', json(number, { watermark: { ...watermark, timestamp: SECONDS + 0.5 } })],
    ['a field more', json(number, { openId: 'o' })],
    ['__proto__ as a field more', json(number).replace('{', '{"__proto__":{},')],
    ['a field less', json(number, { phoneNumber: undefined })],
    ['a field twice', json(number).replace('{', '{"phoneNumber":"12066600002",')],
    ['a number in another spelling', json(number).replace(String(SECONDS), `${SECONDS / 10}e1`)],
    ['something after it', `${json(number)}x`],
    ['a comma too many', json(number).replace('"86",', '"86",,')],
    ['a byte order mark', `\ufeff${json(number)}`],
    ['a list', `[${json(number)}]`],
    ['letters among the digits', json(number, { purePhoneNumber: '1206660000a' })],
    ['garbage before the digits', json(number, { purePhoneNumber: 'ÿ \u0001-12066600001' })],
    ['wide digits', json(number, { purePhoneNumber: '１２０６６６００００１' })],
    ['a line after the digits', json(number, { purePhoneNumber: '12066600001\n' })],
    ['too few digits', json(number, { phoneNumber: '120', purePhoneNumber: '120' })],
    ['too many digits', json(number, { phoneNumber: '1'.repeat(14), purePhoneNumber: '1'.repeat(14) })],
    ['numbers that differ', json(number, { phoneNumber: '12066600002' })],
    ['the code of another country', json(number, { countryCode: '1' })],
    ['a code with +', json(number, { countryCode: '+86' })],
    ['a code with 0', json(number, { countryCode: '086' })],
    ['a negative code', json(number, { countryCode: -86 })],
    [
      'a foreign number without its code in front',
      json(number, { countryCode: '852', phoneNumber: '12345678', purePhoneNumber: '12345678' }),
    ],
    ['more than 4 KB', json(number).replace('{', `{${' '.repeat(4096)}`)],
  ])('not with %s', (_name, text) => {
    expect(openPhone(sealed(text), context)).toEqual({
      problem: 'encryptedData does not decrypt to a phone number with our watermark',
    });
  });

  test('from canonical base64 only: the same bytes are the same text', () => {
    const good = sealed(json(number, { phoneNumber: '+8612066600001' }));
    expect(openPhone(good, context).data).toBeDefined();
    for (const change of [
      (text: string) => `${text} `,
      (text: string) => text.replace(/=+$/, ''),
      (text: string) => text.replaceAll('+', '-').replaceAll('/', '_').replace(/.=+$/, ''),
      (text: string) => text.replace(/(.)(=+)$/, (_all, last, end) => `${next(last)}${end}`),
    ]) {
      const [data, iv] = [change(good.encryptedData), change(good.iv)];
      expect(openPhone({ ...good, iv }, context).data).toBeUndefined();
      if (data !== good.encryptedData)
        expect(openPhone({ ...good, encryptedData: data }, context).data).toBeUndefined();
    }
  });

  test.each([
    ['another key', { sessionKey: vectors.signature.sessionKey }],
    ['a key that is too short', { sessionKey: 'YWJj' }],
    ['no key', { sessionKey: '' }],
  ])('not with %s', (_name, change) => {
    expect(openPhone(sealed(json(number)), { ...context, ...change }).data).toBeUndefined();
  });

  test.each([
    [3600, true],
    [3601, false],
    [-600, true],
    [-601, false],
  ])('%i s after its watermark: %s', (age, isGood) => {
    const opened = openPhone(sealed(json(number)), at(SECONDS + age));
    expect(opened.data !== undefined).toBe(isGood);
    if (!isGood) expect(opened.problem).toMatch(age > 0 ? /3601 s old.*clock/ : /601 s ahead of our clock/);
  });
});

describe('a profile is read', () => {
  test.each([
    ['as getUserProfile gives it', json(person)],
    ['as getUserInfo gives it', json(person, { openId: 'o1', unionId: 'o2' })],
    ['when it is anonymous', json(person, { is_demote: true })],
    ['without what WeChat no longer tells', json(person, { gender: undefined, city: undefined })],
    ['with slashes escaped', json(person).replaceAll('/', '\\/')],
    ['with any name', json(person, { nickName: '"}\\ \u2028 阿达 😀 {"phoneNumber":"1"' })],
  ])('%s', (_name, text) => {
    expect(openProfile(sealed(text), context).data).toEqual(JSON.parse(text));
  });

  test.each([
    ['a field more', json(person, { phoneNumber: '12066600001' })],
    ['a name that is no text', json(person, { nickName: ['Band'] })],
    ['no avatar', json(person, { avatarUrl: undefined })],
    ['a gender that is none', json(person, { gender: 9 })],
    ['a name twice', json(person).replace('{', '{"nickName":"Eve",')],
  ])('not with %s', (_name, text) => {
    expect(openProfile(sealed(text), context).data).toBeUndefined();
  });
});

describe('a spliced profile', () => {
  const said = { ...person, nickName: 'B'.repeat(64) };
  const rawData = JSON.stringify({ ...said, watermark: undefined });
  const signature = createHash('sha1').update(rawData).update(phone.sessionKey).digest('hex');
  const terms = { ...context, openid: 'o1', strict: false, provenOnly: false };
  const names = () =>
    [json(said), json(said, { openId: 'o1', unionId: 'o2' })].map((text) => seal(text, KEY, newIv()));

  test('with garbage in its name is refused, which a lenient reader takes', () => {
    let taken = 0;
    for (let tries = 0; tries < 300; tries++) {
      const own = seal(json(said), KEY, newIv());
      const blocks = own.blocks.with(2, pick(own.blocks, random));
      const forged = unseal({ iv: own.iv, blocks });
      if (parses(forged)) taken++;
      if (blocks[2] !== own.blocks[2]) expect(openProfile(forged, context).data).toBeUndefined();
    }
    expect(taken).toBeGreaterThan(5);
  });

  test('of 5,000 none brings a name where only what WeChat vouches for counts', () => {
    let read = 0;
    for (let i = 0; i < 5000; i++) {
      const pool = names();
      const forged = unseal(
        splice(pick(pool, random), pool, ['{"nickName":"Adm', 'Administrator-01'], random),
      );
      if (forged.encryptedData === '') continue; // all is cut away
      if (openProfile(forged, context).data) read++;
      expect(() => readProfile(forged, { ...terms, strict: true })).toThrow('log in again');
      const checked = readProfile(forged, { ...terms, provenOnly: true }).profile;
      expect([checked.nickName, checked.avatar]).toEqual([undefined, undefined]);
      const signed = { ...forged, rawData, signature };
      for (const provenOnly of [true, false])
        expect(readProfile(signed, { ...terms, provenOnly }).profile.nickName).toBe(said.nickName);
    }
    expect(read).toBeGreaterThan(100); // chosen letters do pass the grammar: it proves nothing
  });
});

function parses(forged: { encryptedData: string; iv: string }): boolean {
  try {
    return decrypted(forged, phone.sessionKey).nickName.length > 0;
  } catch {
    return false;
  }
}

/** Every order of the keys, of the watermark's too, and every form of a number. */
function* honestPhones() {
  const forms = [
    { phoneNumber: '12066600001', purePhoneNumber: '12066600001', countryCode: '86' },
    { phoneNumber: '12066600001', purePhoneNumber: '12066600001', countryCode: 86 },
    { phoneNumber: '8612066600001', purePhoneNumber: '12066600001', countryCode: '86' },
    { phoneNumber: '+8612066600001', purePhoneNumber: '12066600001', countryCode: 86 },
    { phoneNumber: '85212345678', purePhoneNumber: '12345678', countryCode: '852' },
    { phoneNumber: '+85212345678', purePhoneNumber: '12345678', countryCode: 852 },
    { phoneNumber: '12025550123', purePhoneNumber: '2025550123', countryCode: 1 },
  ];
  const marks = [watermark, { appid: APPID, timestamp: SECONDS }];
  for (const form of forms)
    for (const mark of marks)
      for (const order of orders(['phoneNumber', 'purePhoneNumber', 'countryCode', 'watermark'] as const))
        yield JSON.stringify(
          Object.fromEntries(order.map((key) => [key, { ...form, watermark: mark }[key]])),
        );
}

function orders<T>(list: readonly T[]): T[][] {
  if (list.length < 2) return [[...list]];
  return list.flatMap((first) =>
    orders(list.filter((each) => each !== first)).map((rest) => [first, ...rest]),
  );
}

/** The fields in one order and form. */
function fieldsOf(text: string) {
  const { phoneNumber, purePhoneNumber, countryCode, watermark } = JSON.parse(text);
  const { appid, timestamp } = watermark;
  return [phoneNumber, purePhoneNumber, String(countryCode), appid, timestamp];
}

/** A name is the user's own choice, so its bytes are, in their place. */
const NAMES = [
  '13900000000","purePhoneNumber":"13900000000","countryCode":"86"',
  '139000000001390000000013900000000139000000001390000000013900000000',
  '                                                                ',
];

/** What 16 bytes could be of use to whoever wants to be +86 139 0000 0000. */
const CHOSEN = [
  ...['13900000000","pu', '13900000000","co', '"13900000000"   ', '  13900000000","', '0000013900000000'],
  ...['{"countryCode":1', '{"countryCode": ', '{"countryCode":"', '{"countryCode":-', '{"phoneNumber":"'],
  ...['{"watermark":{"t', '{"watermark":{"a', '{               ', '                ', '","x":"         '],
  ...['"}}\r\r\r\r\r\r\r\r\r\r\r\r\r', '}}'.padEnd(16, '\u000e'), ''.padEnd(16, '\u0010')],
];

describe('who has data of his own makes no other of it', () => {
  const plaintexts = [...honestPhones()];
  const honest = plaintexts.map((text) => seal(text, KEY, newIv()));
  const names = NAMES.map((nickName) => seal(json(person, { nickName }), KEY, newIv()));
  const pool = [...honest, ...names];

  const values = new Set(plaintexts.map((text) => JSON.stringify(fieldsOf(text))));

  /** What forged data is taken for, if it is anything that no honest data says. */
  function taken(forged: Forged): string | undefined {
    const { data } = openPhone(unseal(forged), context);
    const said = data && JSON.stringify(fieldsOf(JSON.stringify(data)));
    return said === undefined || values.has(said) ? undefined : said;
  }

  test('honest data works, in every order of keys and form of number', () => {
    expect(plaintexts).toHaveLength(7 * 2 * 24);
    for (const each of honest) {
      const { data } = openPhone(unseal(each), context);
      expect(fieldsOf(JSON.stringify(data))).toEqual(fieldsOf(each.text));
    }
  });

  test('10,000 phones that are spliced, cut, swapped and flipped: none is taken for another', () => {
    let readAnyhow = 0;
    const accepted: string[] = [];
    for (let i = 0; i < 10_000; i++) {
      const base = honest[i % honest.length] ?? pick(honest, random);
      const forged = splice(base, pool, CHOSEN, random);
      const found = taken(forged);
      if (found) accepted.push(found);
      if (naive(forged) !== undefined) readAnyhow++;
    }
    expect(accepted).toEqual([]);
    expect(readAnyhow).toBeGreaterThan(20); // whoever strips what is no digit would have taken these
  });

  test('every bit of the iv, of half of them; every bit of the data, of some', () => {
    const accepted: string[] = [];
    const look = (forged: Forged) => {
      const found = taken(forged);
      if (found) accepted.push(found);
    };
    for (const each of honest.filter((_, i) => i % 2 === 0))
      for (let bit = 0; bit < 128; bit++) look({ ...each, iv: flipped(each.iv, bit) });
    for (const each of honest.filter((_, i) => i % 24 === 5))
      for (const [i, block] of each.blocks.entries())
        for (let bit = 0; bit < 128; bit++)
          look({ ...each, blocks: each.blocks.with(i, flipped(block, bit)) });
    expect(accepted).toEqual([]);
  });

  test('16 chosen bytes in front of any rest of it', () => {
    const accepted: string[] = [];
    let tried = 0;
    for (const each of honest.filter((_, i) => i % 3 === 0)) {
      for (const from of each.blocks.keys()) {
        const own = Buffer.from(each.text)
          .subarray(16 * from, 16 * from + 16)
          .toString();
        const ends = Array.from({ length: 16 }, (_, i) => `{${own.slice(own.length - i)}`);
        const digits = Array.from('0123456789+- ".', (digit) => `{"countryCode":${digit}`);
        for (const start of [...CHOSEN, ...digits, ...ends.flatMap((end) => [end.padEnd(16), spaced(end)])]) {
          tried++;
          const found = start.length === 16 ? taken(startWith(start, each, from)) : undefined;
          if (found) accepted.push(found);
        }
      }
    }
    expect(accepted).toEqual([]);
    expect(tried).toBeGreaterThan(50_000);
  });
});

const HONEST = ['8612066600001', '85212345678', '12025550123'];

/** As a tutorial reads it: what decrypts is parsed, and what is no digit is left out. */
function naive({ iv, blocks }: Forged): string | undefined {
  try {
    const { purePhoneNumber, countryCode } = decrypted(unseal({ iv, blocks }), phone.sessionKey);
    const digits = `${countryCode}${purePhoneNumber}`.replace(/\D/g, '');
    return HONEST.includes(digits) ? undefined : digits;
  } catch {
    return undefined;
  }
}

const spaced = (end: string) =>
  `${end.slice(0, 1)}${' '.repeat(Math.max(0, 16 - end.length))}${end.slice(1)}`;

function next(letter: string): string {
  const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
  return ALPHABET[ALPHABET.indexOf(letter) + 1] ?? letter;
}
