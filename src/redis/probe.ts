import { randomBytes } from 'node:crypto';
import type { Commands } from './clients.ts';

const LIFE_MS = 5000;

/**
 * Does once whatever sessions and access_tokens need, on keys of its own: a user without the right, or a proxy that lacks
 * a command, is found out at the start, and not by the first login.
 */
export async function probe(commands: Commands, prefix: string): Promise<void> {
  const key = `${prefix}{probe-${randomBytes(9).toString('base64url')}}`;
  const index = `${key}:index`;
  const expiration = { type: 'PX', value: LIFE_MS } as const;
  await commands.set(key, '', { expiration, condition: 'NX' });
  await commands.get(key);
  await commands.mGet([key]);
  await commands.pExpire(key, LIFE_MS);
  await commands.zAdd(index, { score: 1, value: '' });
  await commands.pExpire(index, LIFE_MS);
  await commands.zRange(index, 0, -1);
  await commands.zRangeWithScores(index, 0, -1);
  await commands.zRemRangeByScore(index, '-inf', 0);
  await commands.zRem(index, '');
  await commands.del([key, index]);
}
