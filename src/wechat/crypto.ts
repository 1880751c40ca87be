import { createDecipheriv, createHash, timingSafeEqual } from 'node:crypto';

const BLOCK_BYTES = 16;
/** WeChat's own data has a few hundred bytes. */
const MAX_BYTES = 4096;

/** What a page sends of wx.getUserProfile, wx.getUserInfo or the older getPhoneNumber button. */
export interface Sealed {
  readonly encryptedData: string;
  readonly iv: string;
}

/**
 * Tells whether `signature` is WeChat's for `rawData`: hex(sha1(rawData + session_key)).
 * @see https://developers.weixin.qq.com/miniprogram/dev/framework/open-ability/signature.html
 */
export function verifySignature(rawData: string, sessionKey: string, signature: string): boolean {
  // Buffer.from reads hex as far as it is hex.
  if (!/^[0-9a-f]{40}$/i.test(signature)) return false;
  const expected = createHash('sha1').update(rawData).update(sessionKey).digest();
  return timingSafeEqual(Buffer.from(signature, 'hex'), expected);
}

/**
 * Decrypts encryptedData: AES-128-CBC, PKCS#7, UTF-8. Answers `undefined` for whatever does not hold, without saying what: the
 * difference would let a forger decrypt and encrypt by asking.
 * @see https://developers.weixin.qq.com/miniprogram/dev/framework/open-ability/signature.html
 */
export function decrypt(sealed: Sealed, sessionKey: string): string | undefined {
  const [key, iv, data] = [sessionKey, sealed.iv, sealed.encryptedData].map(fromBase64);
  if (key?.length !== BLOCK_BYTES || iv?.length !== BLOCK_BYTES || !data || !isWhole(data)) return undefined;
  // The padding is checked here: node's check throws, which takes another time than a check that comes after it.
  const decipher = createDecipheriv('aes-128-cbc', key, iv).setAutoPadding(false);
  const padded = Buffer.concat([decipher.update(data), decipher.final()]);
  const padding = padded.at(-1) ?? 0;
  const isPadded =
    padding >= 1 && padding <= BLOCK_BYTES && padded.subarray(-padding).every((byte) => byte === padding);
  return isPadded ? toText(padded.subarray(0, -padding)) : undefined;
}

/** The bytes of a text in canonical base64; undefined for any other, so that no two texts have the same bytes. */
export function fromBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? bytes : undefined;
}

function isWhole({ length }: Buffer): boolean {
  return length > 0 && length <= MAX_BYTES && length % BLOCK_BYTES === 0;
}

function toText(bytes: Buffer): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
