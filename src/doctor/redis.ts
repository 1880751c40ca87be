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
  let unheard: string | undefined;
  const redis = openRedis(redisUrl, ({ what, reason }) => {
    if (what === 'redis subscription') unheard = reason;
  });
  try {
    await redis.probe();
    await until(() => redis.ends.hears || unheard !== undefined);
    if (redis.ends.hears)
      return [{ level: 'ok', subject, says: 'takes sessions, and instances hear each other' }];
    return [
      {
        level: 'problem',
        subject,
        says: `instances do not hear each other, so each asks for every call (${unheard ?? 'nothing came'})`,
        todo: 'allow SUBSCRIBE and PUBLISH on the channel <prefix>ends (ACL SETUSER … &*), or name a Redis that has them',
      },
    ];
  } finally {
    await redis.close();
  }
}

/** Subscribing takes a moment, or does not happen. */
async function until(holds: () => boolean): Promise<void> {
  const end = Date.now() + PATIENCE_MS;
  while (!holds() && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, 20));
}
