import { randomBytes } from 'node:crypto';
import type { Redis } from './open.ts';

const LIFE_MS = 5000;

/**
 * Does once whatever sessions and access_tokens need, on keys of its own: a user without the right, or a proxy that lacks
 * a command, is found out at the start, and not by the first login.
 */
export async function probe({ run, prefix }: Pick<Redis, 'run' | 'prefix'>): Promise<void> {
  const key = `${prefix}{probe-${randomBytes(9).toString('base64url')}}`;
  const index = `${key}:index`;
  const expiration = { type: 'PX', value: LIFE_MS } as const;
  // One by one: each has the time of an answer.
  await run((commands) => commands.set(key, '', { expiration, condition: 'NX' }));
  await run((commands) => commands.get(key));
  await run((commands) => commands.mGet([key]));
  await run((commands) => commands.zAdd(index, { score: 1, value: '' }));
  await run((commands) => commands.pExpire(index, LIFE_MS));
  await run((commands) => commands.zRange(index, 0, -1));
  await run((commands) => commands.zRangeWithScores(index, 0, -1));
  await run((commands) => commands.zRemRangeByScore(index, '-inf', 0));
  await run((commands) => commands.zRem(index, ''));
  await run((commands) => commands.del([key, index]));
}
