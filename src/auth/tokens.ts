import { createSecretKey, type KeyObject } from 'node:crypto';
import jwt from 'jsonwebtoken';
import { z } from 'zod';
import { AppError } from '../errors.ts';
import { keysOf, kidOf, type Secrets } from './keys.ts';

/** Whom a token speaks for. */
export interface Bearer {
  /** `wxuser.id` */
  readonly id: number;
  readonly appid: string;
  readonly openid: string;
  /** The session that the token stands for. */
  readonly sid: string;
}

export interface TokenOptions extends Secrets {
  readonly issuer: string;
  readonly lifetimeSeconds: number;
  /** The app whose tokens are good here: a sandbox's token is worth nothing in production. */
  readonly appid: string;
  readonly now: () => Date;
}

/** Signs tokens, and gives express-jwt what it verifies them with. */
export interface Tokens {
  issue(bearer: Bearer): { token: string; expiresAt: Date };
  /** How a token must be made. */
  readonly expected: { readonly algorithms: ['HS256']; readonly issuer: string };
  /** The key that a token names. @throws {AppError} `token_invalid` for a token that cannot be ours. */
  keyOf(token: jwt.Jwt | undefined): KeyObject;
  /** Reads verified claims. @throws {AppError} `token_invalid` for another app's. */
  read(claims: unknown): Bearer;
}

const claimsSchema = z.object({
  sub: z
    .string()
    .regex(/^\d{1,16}$/)
    .transform(Number),
  openid: z.string(),
  appid: z.string(),
  sid: z.string(),
});

/** HS256 only, with keys as KeyObjects: a string secret costs a PEM parse on every call. */
export function createTokens(options: TokenOptions): Tokens {
  const { issuer, lifetimeSeconds, appid, now } = options;
  const signingKid = kidOf(options.secret);
  const keys = keysOf(options, (secret) => createSecretKey(secret, 'utf8'));
  const signingKey = createSecretKey(options.secret, 'utf8');

  return {
    expected: { algorithms: ['HS256'], issuer },

    issue(bearer) {
      const iat = Math.floor(now().getTime() / 1000);
      const exp = iat + lifetimeSeconds;
      const { id, openid, sid } = bearer;
      const claims = { sub: String(id), openid, appid: bearer.appid, sid, iss: issuer, iat, exp };
      const token = jwt.sign(claims, signingKey, { algorithm: 'HS256', keyid: signingKid });
      return { token, expiresAt: new Date(exp * 1000) };
    },

    keyOf(token) {
      const key = keys.get(token?.header.kid ?? '');
      // jsonwebtoken lets a token without exp live for ever. None of ours was made so.
      const expires = typeof token?.payload === 'object' && typeof token.payload.exp === 'number';
      if (!key || !expires) throw new AppError('token_invalid', { reason: key ? 'no exp' : 'unknown kid' });
      return key;
    },

    read(claims) {
      const parsed = claimsSchema.safeParse(claims);
      if (parsed.success && parsed.data.appid === appid) {
        const { sub, openid, sid } = parsed.data;
        return { id: sub, appid, openid, sid };
      }
      throw new AppError('token_invalid', {
        reason: parsed.success ? 'token of another appid' : 'malformed claims',
      });
    },
  };
}
