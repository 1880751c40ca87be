import { createHmac } from 'node:crypto';

/** The signing secret, and those before it whose work stays valid while rotating. */
export interface Secrets {
  readonly secret: string;
  readonly previousSecrets: readonly string[];
}

/** Names a secret without telling anything of it. */
export function kidOf(secret: string): string {
  return createHmac('sha256', secret).update('weapp-login kid').digest('base64url').slice(0, 12);
}

/** Makes a key of each secret, by its kid. */
export function keysOf<Key>(
  { secret, previousSecrets }: Secrets,
  make: (secret: string) => Key,
): Map<string, Key> {
  return new Map([...previousSecrets, secret].map((each) => [kidOf(each), make(each)]));
}
