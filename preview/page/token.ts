import type { Stored } from './ask.ts';
import { say } from './dom.ts';

interface Claims extends Readonly<Record<string, unknown>> {
  readonly sid: string;
  readonly exp: number;
}

/** The claims of a token, unverified: whoever holds it may read them. */
export function claimsOf(token: string): Claims | undefined {
  try {
    const [, payload = ''] = token.replace(/^Bearer /, '').split('.');
    const bytes = Uint8Array.from(atob(payload.replace(/-/g, '+').replace(/_/g, '/')), (char) =>
      char.charCodeAt(0),
    );
    return JSON.parse(new TextDecoder().decode(bytes)) as Claims;
  } catch {
    return undefined;
  }
}

/** Whether the token is good, and for how long. */
export function lifeOf({ exp, sid }: Claims, { row, sessions }: Stored): { text: string; good: boolean } {
  const seconds = Math.floor(exp - Date.now() / 1000);
  if (seconds <= 0) return { text: say('已过期', 'expired'), good: false };
  // Before its session, which the ban has ended: that is what the server answers.
  if (row?.['status'] === 'banned') return { text: say('用户已被封禁', 'its user is banned'), good: false };
  if (!sessions.some(({ id }) => id === sid))
    return { text: say('会话已结束', 'its session has ended'), good: false };
  const [days, rest] = [Math.floor(seconds / 86_400), new Date(seconds * 1000).toISOString().slice(11, 19)];
  const left = days > 0 ? `${days} ${say('天', days === 1 ? 'day' : 'days')} ${rest}` : rest;
  return { text: say(`有效，还剩 ${left}`, `good for ${left}`), good: true };
}

const TIMES = ['iat', 'exp'];

/** Claims, names and values; what a number of seconds means stands behind it. */
export function shownClaims(claims: Claims): [string, string][] {
  return Object.entries(claims).map(([name, value]) => {
    const time = TIMES.includes(name) ? ` (${new Date(Number(value) * 1000).toLocaleString()})` : '';
    return [name, `${value}${time}`];
  });
}
