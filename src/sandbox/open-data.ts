import { createCipheriv, createHash, createHmac, randomBytes } from 'node:crypto';

/** encryptedData and its iv: AES-128-CBC, PKCS#7, under the session_key. */
export function sealOpenData(
  text: string,
  sessionKey: string,
  iv: Buffer = randomBytes(16),
): { encryptedData: string; iv: string } {
  const cipher = createCipheriv('aes-128-cbc', Buffer.from(sessionKey, 'base64'), iv);
  const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
  return { encryptedData: sealed.toString('base64'), iv: iv.toString('base64') };
}

/** What stands beside rawData: sha1 over it and the session_key as its base64 text. */
export function signRawData(rawData: string, sessionKey: string): string {
  return createHash('sha1')
    .update(rawData + sessionKey)
    .digest('hex');
}

/** The signature by which a backend proves that it has the session_key, which itself is the HMAC's key as a text. */
export function signSession(sessionKey: string, data = ''): string {
  return createHmac('sha256', sessionKey).update(data).digest('hex');
}
