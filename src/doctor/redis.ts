import type { Config } from '../config.ts';
import { openRedis } from '../redis/open.ts';
import type { Finding } from './finding.ts';

const subject = 'Redis';
const PATIENCE_MS = 3000;

/**
 * Looks whether Redis takes sessions, and whether what one instance tells is heard.
 * @throws {AppError} `database_unavailable` when it does not
 */
export async function examineRedis({ redisUrl }: Config): Promise<Finding[]> {
  if (redisUrl === undefined)
    return [{ level: 'ok', subject, says: 'not set: sessions are in the database' }];
  const redis = openRedis(redisUrl);
  try {
    await redis.ping();
    const heard = new Promise<boolean>((resolve) => {
      // Nobody is user 0: running servers have nothing to forget of him.
      redis.ends.listen((ended) => ended?.userId === 0 && resolve(true));
      setTimeout(() => resolve(false), PATIENCE_MS).unref();
    });
    await until(() => redis.ends.hears);
    await redis.ends.tell({ userId: 0 });
    if (await heard) return [{ level: 'ok', subject, says: 'takes sessions, and instances hear each other' }];
    return [
      {
        level: 'problem',
        subject,
        says: 'instances do not hear each other: a logout on one reaches the others late',
        todo: 'allow SUBSCRIBE and PUBLISH on the channel <prefix>ends (ACL SETUSER … &*)',
      },
    ];
  } finally {
    await redis.close();
  }
}

/** Subscribing takes a moment, or does not happen. */
async function until(holds: () => boolean): Promise<void> {
  const end = Date.now() + PATIENCE_MS / 2;
  while (!holds() && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, 20));
}
