import jwt from 'jsonwebtoken';
import { type Answer, realSettings, startApp, type TestApp } from './app.ts';
import type { FreshDatabase } from './engines.ts';
import { startStandIn } from './wechat.ts';

/** A server of a real app, with the token of a user who has just logged in. */
export async function startReal(
  env: Record<string, string> = {},
  database?: FreshDatabase,
): Promise<{ app: TestApp; token: string }> {
  const wechat = await startStandIn();
  const app = await startApp({ env: { ...realSettings(wechat.url), ...env }, ...(database && { database }) });
  const { token } = (await app.call('POST', '/api/wxuser', { code: 'c' })).body;
  return { app, token: token.replace('Bearer ', '') };
}

/** A protected call. */
export function me(app: TestApp, headers: Record<string, string>): Promise<Answer> {
  return app.call('GET', '/api/wxuser/me', undefined, headers);
}

/** A token, taken apart. */
export function open(token: string): { alg: string; kid: string; claims: jwt.JwtPayload } {
  const decoded = jwt.decode(token, { complete: true });
  if (!decoded || typeof decoded.payload === 'string') throw new Error('not a JWT');
  const { alg, kid = '' } = decoded.header;
  return { alg, kid, claims: decoded.payload };
}

/** A part of a token that is made by hand. */
export const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
