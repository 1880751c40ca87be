import {
  createCipheriv,
  createDecipheriv,
  createSecretKey,
  hkdfSync,
  type KeyObject,
  randomBytes,
} from 'node:crypto';
import { keysOf, kidOf, type Secrets } from './keys.ts';

/** Keeps session_keys and access_tokens unreadable at rest. */
export interface Seal {
  /** AES-256-GCM, as `kid.iv.tag.text` in base64url. */
  close(text: string): string;
  /** What was sealed; undefined if its secret is no longer ours, or if it was tampered with. */
  open(sealed: string): string | undefined;
}

/** Sealed with a key derived from the signing secret; opened with that of any secret that is still valid. */
export function createSeal(secrets: Secrets): Seal {
  const keys = keysOf(secrets, deriveKey);
  const kid = kidOf(secrets.secret);
  const key = deriveKey(secrets.secret);
  return {
    close(text) {
      const iv = randomBytes(12);
      const cipher = createCipheriv('aes-256-gcm', key, iv);
      const closed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
      return [kid, ...[iv, cipher.getAuthTag(), closed].map((part) => part.toString('base64url'))].join('.');
    },
    open(sealed) {
      const [named = '', ...parts] = sealed.split('.');
      const [iv, tag, closed] = parts.map((part) => Buffer.from(part, 'base64url'));
      const opener = keys.get(named);
      if (!opener || !iv || tag?.length !== 16 || !closed) return undefined;
      try {
        const decipher = createDecipheriv('aes-256-gcm', opener, iv).setAuthTag(tag);
        return Buffer.concat([decipher.update(closed), decipher.final()]).toString('utf8');
      } catch {
        return undefined;
      }
    },
  };
}

function deriveKey(secret: string): KeyObject {
  return createSecretKey(Buffer.from(hkdfSync('sha256', secret, '', 'weapp-login session_key', 32)));
}
