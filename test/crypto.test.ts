import { expect, test } from 'vitest';
import { decryptOpenData, verifySignature } from '../src/wechat/crypto.ts';
import vectors from './fixtures/wechat-vectors.json' with { type: 'json' };

const { signature, encryptedData: sealed, phone } = vectors;

test("WeChat's official signature vector holds, and no other does", () => {
  expect(verifySignature(signature.rawData, signature.sessionKey, signature.sha1)).toBe(true);
  expect(verifySignature(`${signature.rawData} `, signature.sessionKey, signature.sha1)).toBe(false);
  expect(verifySignature(signature.rawData, sealed.sessionKey, signature.sha1)).toBe(false);
  expect(verifySignature(signature.rawData, signature.sessionKey, signature.sha1.slice(0, 20))).toBe(false);
  expect(verifySignature(signature.rawData, signature.sessionKey, 'not hex')).toBe(false);
});

test.each([
  ['encryptedData', sealed],
  ['phone', phone],
])("WeChat's official %s vector decrypts to its plaintext", (_name, vector) => {
  expect(decryptOpenData(vector, vector.sessionKey, vector.appid)).toEqual(JSON.parse(vector.plaintext));
});

test.each([
  ['another appid in the watermark', { appid: 'wx0000000000000000' }],
  ['another key', { sessionKey: signature.sessionKey }],
  ['a key that is too short', { sessionKey: 'YWJj' }],
  ['another iv', { iv: 'AAAAAAAAAAAAAAAAAAAAAA==' }],
  ['an iv that is too short', { iv: 'AAAA' }],
  ['a truncated text', { encryptedData: sealed.encryptedData.slice(0, -24) }],
  ['base64 that is cut inside a group', { encryptedData: sealed.encryptedData.slice(0, -3) }],
  ['an empty text', { encryptedData: '' }],
  ['a text that is not base64', { encryptedData: '{"nickName":"Eve"}' }],
])('%s does not decrypt', (_name, change) => {
  const vector = { ...sealed, ...change };
  expect(decryptOpenData(vector, vector.sessionKey, vector.appid)).toBeUndefined();
});
