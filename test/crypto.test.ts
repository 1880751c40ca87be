import { createCipheriv } from 'node:crypto';
import { expect, test } from 'vitest';
import { decrypt, fromBase64, verifySignature } from '../src/wechat/crypto.ts';
import vectors from './fixtures/wechat-vectors.json' with { type: 'json' };

const { signature, encryptedData: sealed, phone } = vectors;
const [KEY, IV] = [phone.sessionKey, phone.iv].map((text) => Buffer.from(text, 'base64')) as [Buffer, Buffer];

test("WeChat's official signature vector holds, and no other does", () => {
  expect(verifySignature(signature.rawData, signature.sessionKey, signature.sha1)).toBe(true);
  expect(verifySignature(`${signature.rawData} `, signature.sessionKey, signature.sha1)).toBe(false);
  expect(verifySignature(signature.rawData, sealed.sessionKey, signature.sha1)).toBe(false);
  expect(verifySignature(signature.rawData, signature.sessionKey, signature.sha1.slice(0, 20))).toBe(false);
  const { rawData, sessionKey, sha1 } = signature;
  for (const other of [
    'not hex',
    '',
    `${sha1}0`,
    `${sha1}zz`,
    `${sha1}\n`,
    ` ${sha1}`,
    `${sha1} `,
    `0x${sha1}`,
  ])
    expect([other, verifySignature(rawData, sessionKey, other)]).toEqual([other, false]);
});

test.each([
  ['encryptedData', sealed],
  ['phone', phone],
])("WeChat's official %s vector decrypts to its plaintext", (_name, vector) => {
  expect(decrypt(vector, vector.sessionKey)).toBe(vector.plaintext);
});

test.each([
  ['another key', { sessionKey: signature.sessionKey }],
  ['a key that is too short', { sessionKey: 'YWJj' }],
  ['an iv that is too short', { iv: 'AAAA' }],
  ['a truncated text', { encryptedData: sealed.encryptedData.slice(0, -24) }],
  ['base64 that is cut inside a group', { encryptedData: sealed.encryptedData.slice(0, -3) }],
  ['a block and a half', { encryptedData: 'A'.repeat(32) }],
  ['an empty text', { encryptedData: '' }],
  ['a text that is not base64', { encryptedData: '{"nickName":"Eve"}' }],
])('%s does not decrypt', (_name, change) => {
  const vector = { ...sealed, ...change };
  expect(decrypt(vector, vector.sessionKey)).toBeUndefined();
});

/** One block that decrypts to these bytes, padding and all. */
function block(bytes: readonly number[]) {
  const cipher = createCipheriv('aes-128-cbc', KEY, IV).setAutoPadding(false);
  const encryptedData = Buffer.concat([cipher.update(Buffer.from(bytes)), cipher.final()]);
  return { encryptedData: encryptedData.toString('base64'), iv: IV.toString('base64') };
}

test.each<[string, number[], string | undefined]>([
  ['one byte', [...Array(15).fill(97), 1], 'a'.repeat(15)],
  ['a whole block', Array(16).fill(16), ''],
  ['a byte order mark stays', [0xef, 0xbb, 0xbf, ...Array(13).fill(13)], '\ufeff'],
  ['none', Array(16).fill(0), undefined],
  ['more than a block', Array(16).fill(17), undefined],
  ['bytes that differ', [...Array(13).fill(97), 3, 2, 3], undefined],
  ['of a text that is no UTF-8', [...Array(14).fill(97), 0xff, 1], undefined],
])('the padding is exact: %s', (_name, bytes, text) => {
  expect(decrypt(block(bytes), KEY.toString('base64'))).toBe(text);
});

test.each([
  ['QUJD', 'ABC'],
  ['QQ==', 'A'],
  ['QR==', undefined],
  ['QQ', undefined],
  ['QQ==\n', undefined],
  ['Q Q==', undefined],
  ['_-8=', undefined],
])('base64 is canonical: %j', (text, bytes) => {
  expect(fromBase64(text)?.toString()).toBe(bytes);
});
