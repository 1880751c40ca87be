import { createDecipheriv } from 'node:crypto';

/** What encryptedData holds, read without our code. */
export function decrypted(sealed: { encryptedData: string; iv: string }, sessionKey: string) {
  const [key, iv] = [sessionKey, sealed.iv].map((text) => Buffer.from(text, 'base64')) as [Buffer, Buffer];
  const decipher = createDecipheriv('aes-128-cbc', key, iv);
  return JSON.parse(decipher.update(sealed.encryptedData, 'base64', 'utf8') + decipher.final('utf8'));
}
