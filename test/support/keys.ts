import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { chmodSync, mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { calculateJwkThumbprint, exportJWK } from 'jose';
import { inject } from 'vitest';

/** A new EC private key. */
export const ec = (namedCurve = 'P-256'): KeyObject => generateKeyPairSync('ec', { namedCurve }).privateKey;

/** A new RSA private key. */
export const rsa = (modulusLength = 2048): KeyObject =>
  generateKeyPairSync('rsa', { modulusLength }).privateKey;

/** PKCS#8 of a private key, SPKI of a public one. */
export const pemOf = (key: KeyObject): string =>
  key.export({ type: key.type === 'private' ? 'pkcs8' : 'spki', format: 'pem' }).toString();

/** The public half of a private key. */
export const publicOf = (key: KeyObject): KeyObject => createPublicKey(pemOf(key));

/** The kid of a private key's tokens, by somebody else's reckoning. */
export const thumbprintOf = async (key: KeyObject): Promise<string> =>
  calculateJwkThumbprint(await exportJWK(publicOf(key)));

/** A new file with a key, or with any text, which its owner alone may read. */
export function fileOf(content: string | KeyObject, mode = 0o600): string {
  const file = join(mkdtempSync(join(inject('folder'), 'key-')), 'key.pem');
  writeFileSync(file, typeof content === 'string' ? content : pemOf(content));
  chmodSync(file, mode);
  return file;
}
