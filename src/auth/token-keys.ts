import { createHash, createPublicKey, createSecretKey, type KeyObject, type webcrypto } from 'node:crypto';
import { kidOf } from './keys.ts';

/** What tokens are signed with; which one, its key decides. */
export type Algorithm = 'HS256' | 'ES256' | 'RS256';

/** A public key as other services read it (RFC 7517). */
export interface PublicJwk extends webcrypto.JsonWebKey {
  readonly kid: string;
  readonly alg: Algorithm;
  readonly use: 'sig';
}

/** Verifies the tokens that name it, in one algorithm only. */
export interface TokenKey {
  readonly kid: string;
  readonly alg: Algorithm;
  /** The secret, or the public key. A KeyObject: a text costs a PEM parse on every call. */
  readonly verifier: KeyObject;
  /** Only of a public key. */
  readonly jwk?: PublicJwk;
}

/** HS256 with a secret. */
export function secretTokenKey(secret: string): TokenKey {
  return { kid: kidOf(secret), alg: 'HS256', verifier: createSecretKey(secret, 'utf8') };
}

/**
 * ES256 or RS256, with a key that is or has a public one. The kid is the key's thumbprint.
 * @see https://www.rfc-editor.org/rfc/rfc7638
 */
export function publicTokenKey(key: KeyObject): TokenKey {
  const verifier = key.type === 'private' ? createPublicKey(key) : key;
  const jwk = verifier.export({ format: 'jwk' });
  const { crv, e, kty, n, x, y } = jwk;
  // The members of both types in the order that the RFC wants; JSON leaves out those that the key has not.
  const members = JSON.stringify({ crv, e, kty, n, x, y });
  const kid = createHash('sha256').update(members).digest('base64url');
  const alg = kty === 'EC' ? 'ES256' : 'RS256';
  return { kid, alg, verifier, jwk: { ...jwk, kid, alg, use: 'sig' } };
}
