import { createDecipheriv, createHash, timingSafeEqual } from 'node:crypto';
import { fromBase64 } from './crypto.ts';

/** 16 random bytes and the length of the message stand in front of it. */
const LENGTH_AT = 16;
const MESSAGE_AT = 20;
/** WeChat pads to blocks of 32 bytes, AES has blocks of 16. */
const PADDING_BLOCK = 32;
const APPID = /^wx[0-9a-z]{16}$/;

/** What an encrypted message held, and the app that it is for. */
export interface DecryptedMessage {
  readonly text: string;
  readonly appid: string;
}

/**
 * Tells whether a signature is WeChat's for these parts, the Token among them: hex(sha1(the parts, sorted and joined)).
 * @see https://developers.weixin.qq.com/miniprogram/dev/framework/server-ability/message-push.html
 */
export function isSigned(parts: readonly string[], signature: string): boolean {
  const expected = Buffer.from(sign(parts), 'hex');
  const given = Buffer.from(signature, 'hex');
  return given.length === expected.length && timingSafeEqual(given, expected);
}

/** The signature of these parts. */
export function sign(parts: readonly string[]): string {
  return createHash('sha1')
    .update([...parts].sort().join(''))
    .digest('hex');
}

/**
 * Decrypts a message: AES-256-CBC, PKCS#7 to 32 bytes, the iv being the first 16 bytes of the key. Answers `undefined` for
 * whatever does not hold, an appid that is none included, without saying what: the difference would help a forger only.
 * @param encodingAesKey the 43 characters that the console shows
 * @see https://developers.weixin.qq.com/miniprogram/dev/framework/server-ability/message-push.html
 */
export function decryptMessage(encrypted: string, encodingAesKey: string): DecryptedMessage | undefined {
  const key = Buffer.from(`${encodingAesKey}=`, 'base64');
  const data = fromBase64(encrypted);
  if (!data?.length || data.length % PADDING_BLOCK !== 0) return undefined;
  const decipher = createDecipheriv('aes-256-cbc', key, key.subarray(0, 16)).setAutoPadding(false);
  const padded = Buffer.concat([decipher.update(data), decipher.final()]);
  const padding = padded.at(-1) ?? 0;
  const filling = padded.subarray(-padding);
  if (padding < 1 || padding > PADDING_BLOCK || !filling.every((byte) => byte === padding)) return undefined;
  const full = padded.subarray(0, -padding);
  if (full.length < MESSAGE_AT) return undefined;
  const end = MESSAGE_AT + full.readUInt32BE(LENGTH_AT);
  const appid = full.subarray(end).toString('latin1');
  return APPID.test(appid) ? { text: full.subarray(MESSAGE_AT, end).toString(), appid } : undefined;
}
