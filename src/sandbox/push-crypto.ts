import { createCipheriv, createHash, randomBytes } from 'node:crypto';

const BLOCK = 32;

/**
 * The signature of a push: sha1 over token, timestamp and nonce, sorted and joined; with the encrypted text among them it
 * is `msg_signature`.
 * @see https://developers.weixin.qq.com/miniprogram/dev/framework/server-ability/message-push.html
 */
export function signPush(token: string, ...texts: readonly string[]): string {
  return createHash('sha1')
    .update([token, ...texts].sort().join(''))
    .digest('hex');
}

/**
 * A message in safe mode: 16 random bytes, the length, the message and the appid, padded to blocks of 32 bytes, under
 * AES-256-CBC with the first half of the key as iv.
 */
export function encryptPush(
  message: string,
  encodingAESKey: string,
  appid: string,
  random: Buffer = randomBytes(16),
): string {
  const key = Buffer.from(`${encodingAESKey}=`, 'base64');
  const text = Buffer.from(message);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(text.length);
  const plain = Buffer.concat([random, length, text, Buffer.from(appid)]);
  const padding = BLOCK - (plain.length % BLOCK);
  const cipher = createCipheriv('aes-256-cbc', key, key.subarray(0, 16)).setAutoPadding(false);
  const padded = Buffer.concat([plain, Buffer.alloc(padding, padding)]);
  return Buffer.concat([cipher.update(padded), cipher.final()]).toString('base64');
}
