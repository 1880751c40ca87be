import { createHash } from 'node:crypto';
import { SANDBOX_APPID } from '../config.ts';

/** An openid: 28 characters, a digest of app and name, so the same after a restart. */
export function openidOf(appid: string, user: string): string {
  // The first app's openids were there before there were others: they stand in databases.
  return identity(appid === SANDBOX_APPID ? `openid:${user}` : `openid@${appid}:${user}`);
}

/** A unionid: the same in all apps of a sandbox, as if one Open Platform account had them all. */
export function unionidOf(user: string): string {
  return identity(`unionid:${user}`);
}

/** Our choice: a number of the block that the virtual test numbers 12066600001 … 12066600004 begin. Nobody has it. */
export function phoneOf(user: string): string {
  const number = 1 + (digest(`phone:${user}`).readUInt32BE() % 99_999);
  return `120666${String(number).padStart(5, '0')}`;
}

/** Bytes that belong to a text, always the same. */
export function digest(text: string): Buffer {
  return createHash('sha256').update(`weapp-login sandbox ${text}`).digest();
}

function identity(text: string): string {
  return `o${digest(text).toString('base64url').slice(0, 27)}`;
}
