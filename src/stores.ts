import { remembering, type Sessions } from './auth/sessions.ts';
import type { Config } from './config.ts';
import { type Database, openDatabase } from './db/open.ts';
import { createRevokedSessions } from './db/revoked.ts';
import { createSessions } from './db/sessions.ts';
import type { Logger } from './log.ts';
import { openRedis, type Redis } from './redis/open.ts';
import { createRedisSessions } from './redis/sessions.ts';

/** Where the server keeps things. */
export interface Stores {
  readonly database: Database;
  /** Only with a `REDIS_URL`. */
  readonly redis: Redis | undefined;
  close(): Promise<void>;
}

/**
 * Opens the database, its tables brought up to date. Redis, where there is one, is connected meanwhile and from then on;
 * whether it answers is told by its `ping`.
 * @throws {AppError} `database_unavailable` when the database cannot be reached
 */
export async function openStores(config: Config, log: Logger): Promise<Stores> {
  const redis = config.redisUrl === undefined ? undefined : openRedis(config.redisUrl, logged);
  try {
    const database = await openDatabase(config.databaseUrl, {
      appid: config.sandbox ? undefined : config.apps[0].appid,
      warn: (problem) => log.warn({ problem }, 'a file is not private'),
      report: (what) => log.info({ what }, 'migration'),
      listener: ({ up, ...event }) =>
        up ? log.info(event, 'database node is back') : log.warn(event, 'database node left'),
    });
    const close = () => Promise.all([database.db.destroy(), redis?.close()]).then(() => undefined);
    return { database, redis, close };
  } catch (error) {
    await redis?.close();
    throw error;
  }

  function logged({ up, what, ...event }: { up: boolean; what: string; reason?: string }): void {
    if (up) log.info(event, `${what} is back`);
    else log.warn(event, `${what} left`);
  }
}

/** The sessions as the settings want them: in Redis where there is one, and remembered for SESSION_CACHE_SECONDS. */
export function sessionsOf({ database, redis }: Stores, { sessions }: Config, now: () => Date): Sessions {
  const { limit, cacheSeconds, idleSeconds } = sessions;
  const limits = { limit, idleMs: idleSeconds === undefined ? undefined : idleSeconds * 1000 };
  if (!redis) return remembering(createSessions(database, limits, now), cacheSeconds);
  const revoked = createRevokedSessions(database, now);
  return remembering(createRedisSessions({ redis, revoked, ...limits, now }), cacheSeconds, redis.ends);
}
