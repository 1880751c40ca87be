import { createDecipheriv, createHash, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

const watermarked = z.looseObject({ watermark: z.object({ appid: z.string(), timestamp: z.number() }) });

/** What encryptedData held: the fields of the call it came from, and the watermark. */
export type OpenData = z.output<typeof watermarked>;

/**
 * Tells whether `signature` is WeChat's for `rawData`: hex(sha1(rawData + session_key)).
 * @see https://developers.weixin.qq.com/miniprogram/dev/framework/open-ability/signature.html
 */
export function verifySignature(rawData: string, sessionKey: string, signature: string): boolean {
  const expected = createHash('sha1').update(rawData).update(sessionKey).digest();
  const given = Buffer.from(signature, 'hex');
  return given.length === expected.length && timingSafeEqual(given, expected);
}

/**
 * Decrypts encryptedData (AES-128-CBC, PKCS#7) and checks that its watermark bears our appid.
 * Answers `undefined` for whatever does not hold, without saying what: the difference would help a forger only.
 * @see https://developers.weixin.qq.com/miniprogram/dev/framework/open-ability/signature.html
 */
export function decryptOpenData(
  sealed: { readonly encryptedData: string; readonly iv: string },
  sessionKey: string,
  appid: string,
): OpenData | undefined {
  const [key, iv, data] = [sessionKey, sealed.iv, sealed.encryptedData].map(fromBase64);
  if (key?.length !== 16 || iv?.length !== 16 || !data?.length) return undefined;
  try {
    const decipher = createDecipheriv('aes-128-cbc', key, iv);
    const text = Buffer.concat([decipher.update(data), decipher.final()]).toString('utf8');
    const opened = watermarked.safeParse(JSON.parse(text));
    return opened.success && opened.data.watermark.appid === appid ? opened.data : undefined;
  } catch {
    return undefined; // wrong padding or not JSON: a wrong key, or a truncated or forged text
  }
}

/** The bytes of a text in strict base64; undefined for any other. */
export function fromBase64(text: string): Buffer | undefined {
  return BASE64.test(text) ? Buffer.from(text, 'base64') : undefined;
}
