import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { showsSomething, visible } from '../src/wechat/visible.ts';
import { startApp, type TestApp } from './support/app.ts';
import { engines } from './support/engines.ts';

/** What is no part of a name, wherever it stands. */
const INVISIBLE: [string, string][] = [
  ['a soft hyphen', '\u00ad'],
  ['a zero-width space', '\u200b'],
  ['a zero-width joiner', '\u200d'],
  ['a zero-width non-joiner', '\u200c'],
  ['a word joiner', '\u2060'],
  ['a byte order mark', '\ufeff'],
  ['a combining grapheme joiner', '\u034f'],
  ['a left-to-right mark', '\u200e'],
  ['an Arabic letter mark', '\u061c'],
  ['a right-to-left override', '\u202e'],
  ['an embedding and its end', '\u202a\u202c'],
  ['an isolate and its end', '\u2067\u2069'],
  ['an invisible plus', '\u2064'],
  ['a deprecated format character', '\u206f'],
  ['a Hangul filler', '\u3164'],
  ['a halfwidth Hangul filler', '\uffa0'],
  ['Hangul Jamo fillers', '\u115f\u1160'],
  ['a variation selector', '\ufe0f'],
  ['a supplementary variation selector', '\u{e0101}'],
  ['tags', '\u{e0041}\u{e0064}\u{e007f}'],
  ['a line separator', '\u2028'],
  ['a paragraph separator', '\u2029'],
  ['a Mongolian vowel separator', '\u180e'],
  ['an interlinear annotation', '\ufff9\ufffa\ufffb'],
  ['a null', '\0'],
  ['a bell', '\u0007'],
  ['a mark of an old emoji', '\u0014'],
  ['an escape', '\u001b'],
  ['a delete', '\u007f'],
  ['C1 controls', '\u0080\u009f'],
  ['the first half of an emoji', '\ud83d'],
  ['the second half of an emoji', '\ude00'],
  ['noncharacters', '\ufdd0\ufffe\uffff\u{1ffff}'],
  ['the place of an object', '\ufffc'],
];

/** Where it changes what is seen, it stays. */
const MEANT: [string, string][] = [
  ['a family', '👨‍👩‍👧'],
  ['a profession with a skin tone', '🧑🏽‍🚀'],
  ['a heart on fire', '❤️‍🔥'],
  ['a text heart', '❤︎'],
  ['flags', '🏳️‍🌈🏴‍☠️🇨🇳'],
  ['the flag of England', '🏴󠁧󠁢󠁥󠁮󠁧󠁿'],
  ['a keycap', '1️⃣'],
  ['a variant of a Han character', '葛\u{e0100}城'],
  ['Persian', 'می‌خواهم'],
  ['Arabic with vowels', 'كَ‌ك'],
  ['an Arabic number sign', '\u0600١'],
  ['Hindi', 'क्‍ष'],
  ['Malayalam that ends in a chillu', 'ന്‍'],
  ['Sinhala', 'ශ්‍රී'],
  ['Mongolian with a selector', 'ᠠ᠋'],
];

test.each(INVISIBLE)('%s is no part of a name', (_name, invisible) => {
  for (const text of [`${invisible}Ada`, `A${invisible}da`, `Ada${invisible}`, `A${invisible}${invisible}da`])
    expect(visible(text)).toBe('Ada');
  expect(visible(`«${invisible}»`)).toBe('«»');
  expect(showsSomething(visible(invisible.repeat(9)))).toBe(false);
});

test.each(MEANT)('%s stays as it is, and what else is invisible around it does not', (_name, text) => {
  expect(visible(text)).toBe(text);
  expect(visible(`\u200b${text}\u202e`)).toBe(text);
});

test.each([
  ['two joiners between emoji', '👨\u200d\u200d👩', '👨👩'],
  ['a joiner that joins nothing', '👨\u200d', '👨'],
  ['a joiner between an emoji and a letter', '👨\u200da', '👨a'],
  ['two non-joiners between Arabic letters', 'ا\u200c\u200cب', 'اب'],
  ['a non-joiner before a comma', 'ا\u200c،', 'ا،'],
  ['a selector before a joiner', 'a\ufe0f\u200d🚀', 'a🚀'],
  ['a joiner before what is taken away', 'ᠠ\u200c\u180b\u180b', 'ᠠ'],
  ['a hidden text of tags after another emoji', '😀\u{e0068}\u{e0069}\u{e007f}', '😀'],
  ['a long hidden text of tags after a flag', `🏴${'\u{e0068}'.repeat(20)}\u{e007f}`, '🏴'],
])('%s: only what is seen is left', (_name, text, left) => {
  expect(visible(text)).toBe(left);
});

test('a tab or a new line between two words is a blank', () => {
  for (const blank of ['\t', '\n', '\v', '\f', '\r', '\u0085']) expect(visible(`Ada${blank}L`)).toBe('Ada L');
});

test('what was cleaned is clean, and what is seen is as it was (property)', () => {
  const pieces = [...INVISIBLE, ...MEANT].flatMap(([, text]) => [...text]);
  const text = fc.array(fc.constantFrom(...pieces, 'a', ' ', '名', '😀', '️')).map((parts) => parts.join(''));
  const seen = (name: string) => name.replace(/[\p{Cf}\p{Cc}\p{Cs}\p{DI}\p{Zl}\p{Zp}\p{NChar}\ufffc]/gu, '');
  fc.assert(
    fc.property(text, (name) => {
      expect(visible(visible(name))).toBe(visible(name));
      expect(seen(visible(name))).toBe(seen(name));
    }),
    { numRuns: 3000 },
  );
});

describe.each(engines)('names that come in, on $name', ({ fresh }) => {
  async function start() {
    const database = await fresh();
    const app = await startApp({ database });
    const headers = { Authorization: (await app.login({ user: 'Ada' })).body.token as string };
    const put = (nickName: string) => app.call('PUT', '/api/wxuser/me', { nickName }, headers);
    return { app, put, finish: () => app.close().then(database.drop) };
  }
  const said = async (app: TestApp, nickName: string) => {
    const { code } = await app.button({ user: 'Bob' });
    return app.call('POST', '/api/wxuser', { code, rawData: { nickName } }, { 'Accept-Language': 'en' });
  };

  test('are stored without what is invisible: by a profile that WeChat encrypted, by one that is said, by PUT', async () => {
    const { app, put, finish } = await start();
    const hidden = '\u202eA\u200bd\u00ada\u2066\u2028\0 👨‍👩‍👧\t\ud83d\ufeff';
    const clean = 'Ada 👨‍👩‍👧';
    expect((await app.login({ user: 'Eve', nickName: hidden })).body.user.nickName).toBe(clean);
    expect((await said(app, hidden)).body.user.nickName).toBe(clean);
    expect((await put(hidden)).body.user.nickName).toBe(clean);
    expect((await app.rows()).map((row) => row.nickName)).toEqual([clean, clean, clean]);
    // What cannot be seen does not count: 64 characters are allowed.
    const long = '名\u200b'.repeat(64);
    expect((await put(long)).body.user.nickName).toBe('名'.repeat(64));
    expect((await put(`A${'\u200b'.repeat(3000)}`)).body).toMatchObject({ code: 'invalid_request' });
    await finish();
  });

  test('are refused where nothing is left; WeChat’s anonymous name is none', async () => {
    const { app, put, finish } = await start();
    for (const name of [
      '\u200b\u200b',
      '\u3164',
      '\u2060 \ufeff',
      '\u2800\u2800',
      '\0\u009f',
      '\t\ud83d\n',
    ]) {
      expect((await put(name)).body).toMatchObject({
        code: 'invalid_request',
        issues: [{ path: 'nickName' }],
      });
      const { status, body } = await said(app, name);
      expect([status, body.issues?.[0]?.path, body.user.nickName]).toEqual([200, 'rawData.nickName', null]);
    }
    expect((await put('微\u200b信用户\u2069')).body).toMatchObject({ code: 'invalid_request' });
    const anonymous = await said(app, '\u202a微信\u00ad用户');
    expect([anonymous.body.user.nickName, anonymous.body.issues]).toEqual([null, undefined]);
    await finish();
  });
});
