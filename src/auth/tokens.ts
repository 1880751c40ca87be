import type { KeyObject } from 'node:crypto';
import jwt from 'jsonwebtoken';
import { z } from 'zod';
import { AppError } from '../errors.ts';
import { type UserId, userIdSchema } from '../user-id.ts';
import type { Secrets } from './keys.ts';
import { type Algorithm, type PublicJwk, publicTokenKey, secretTokenKey } from './token-keys.ts';

/** Whom a token speaks for. */
export interface Bearer {
  /** `wxuser.id` */
  readonly id: UserId;
  readonly appid: string;
  readonly openid: string;
  /** The session that the token stands for. */
  readonly sid: string;
}

export interface TokenOptions extends Secrets {
  /** Signs instead of the secret, whose tokens stay valid. */
  readonly privateKey: KeyObject | undefined;
  /** Private or public ones whose tokens are valid too while rotating. */
  readonly previousKeys: readonly KeyObject[];
  readonly issuer: string;
  readonly lifetimeSeconds: number;
  /** The apps whose tokens are good here: a sandbox's token is worth nothing in production. */
  readonly appids: readonly string[];
  readonly now: () => Date;
}

/** Signs tokens, and gives express-jwt what it verifies them with. */
export interface Tokens {
  issue(bearer: Bearer): { token: string; expiresAt: Date };
  /** How a token must be made. */
  readonly expected: { readonly algorithms: Algorithm[]; readonly issuer: string };
  /** What others verify tokens with, the signing key first; none where a secret signs. */
  readonly publicKeys: readonly PublicJwk[];
  /**
   * The key that a token names, which must be made in that key's algorithm.
   * @throws {AppError} `token_invalid` for a token that cannot be ours.
   */
  keyOf(token: jwt.Jwt | undefined): KeyObject;
  /** Reads verified claims. @throws {AppError} `token_invalid` for another app's. */
  read(claims: unknown): Bearer;
}

const claimsSchema = z.object({
  sub: z.string().pipe(userIdSchema),
  openid: z.string(),
  appid: z.string(),
  sid: z.string(),
});

const UNKNOWN_KID =
  'unknown kid: no key here has signed it. Was JWT_SECRET or the key file changed (JWT_PREVIOUS_SECRETS and JWT_PREVIOUS_KEY_FILES keep the former), or is the token of another server?';
const FOREIGN_APP = "token of another appid: was WX_APPID changed, or is it a sandbox's?";

/** Signs with the private key, or with the secret where there is none; verifies with every key that is still valid. */
export function createTokens(options: TokenOptions): Tokens {
  const { issuer, lifetimeSeconds, appids, now, secret, previousSecrets, privateKey, previousKeys } = options;
  const signing = privateKey ? publicTokenKey(privateKey) : secretTokenKey(secret);
  const signer = privateKey ?? signing.verifier;
  const others = [...previousKeys.map(publicTokenKey), ...[secret, ...previousSecrets].map(secretTokenKey)];
  const keys = new Map([signing, ...others].map((key) => [key.kid, key]));
  const invalid = (reason: string) => new AppError('token_invalid', { reason });

  return {
    expected: { algorithms: [...new Set([...keys.values()].map(({ alg }) => alg))], issuer },

    publicKeys: [...keys.values()].flatMap(({ jwk }) => jwk ?? []),

    issue(bearer) {
      const iat = Math.floor(now().getTime() / 1000);
      const exp = iat + lifetimeSeconds;
      const { id, openid, sid } = bearer;
      const claims = { sub: String(id), openid, appid: bearer.appid, sid, iss: issuer, iat, exp };
      const token = jwt.sign(claims, signer, { algorithm: signing.alg, keyid: signing.kid });
      return { token, expiresAt: new Date(exp * 1000) };
    },

    keyOf(token) {
      if (!token) throw invalid('not a JWT: its header or its claims cannot be read');
      const key = keys.get(token.header.kid ?? '');
      if (!key) throw invalid(UNKNOWN_KID);
      // The key decides, never the token: else it could have a public key taken for a secret.
      if (token.header.alg !== key.alg) throw invalid('not the algorithm of its key');
      // jsonwebtoken lets a token without exp live for ever. None of ours was made so.
      const expires = typeof token.payload === 'object' && typeof token.payload.exp === 'number';
      if (!expires) throw invalid('no exp: not made by this server');
      return key.verifier;
    },

    read(claims) {
      const parsed = claimsSchema.safeParse(claims);
      if (parsed.success && appids.includes(parsed.data.appid)) {
        const { sub, appid, openid, sid } = parsed.data;
        return { id: sub, appid, openid, sid };
      }
      throw invalid(parsed.success ? FOREIGN_APP : 'malformed claims: not made by this server');
    },
  };
}
