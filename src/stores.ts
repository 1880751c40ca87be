import { remembering, type Sessions } from './auth/sessions.ts';
import type { Config } from './config.ts';
import type { NodeEvent } from './db/mysql-nodes.ts';
import { type Database, openDatabase } from './db/open.ts';
import { createRevokedSessions } from './db/revoked.ts';
import { createSessions } from './db/sessions.ts';
import type { IfMissing } from './db/sqlite-file.ts';
import type { Logger } from './log.ts';
import { openRedis, type Redis, type RedisListener } from './redis/open.ts';
import { redisNextStep } from './redis/refusals.ts';
import { createRedisSessions } from './redis/sessions.ts';
import { type Waiting, whenUp } from './when-up.ts';

/** Where the server keeps things. */
export interface Stores {
  readonly database: Database;
  /** Only with a `REDIS_URL`. */
  readonly redis: Redis | undefined;
  close(): Promise<void>;
}

const NODE_EVENTS = {
  left: ['warn', 'database node left'],
  back: ['info', 'database node is back'],
  'fewer connections': ['warn', 'database node gives fewer connections: requests wait for those there are'],
  'all connections': ['info', 'database node gives all connections again'],
} as const;

interface OpenOptions {
  /** How long to wait for a database or Redis that is not up yet; START_WAIT if it is not said. */
  readonly waitMs?: number;
  /** What is done about a database that is not there: made, by default. */
  readonly ifMissing?: IfMissing;
}

/**
 * Opens the database, its tables brought up to date. Redis, where there is one, is connected meanwhile and from then on;
 * whether it answers is told by its `ping`, which is waited for as the database is.
 * @throws {AppError} `database_unavailable` when the database cannot be reached, or Redis where it is waited for
 */
export async function openStores(
  config: Config,
  log: Logger,
  { waitMs = config.startWaitSeconds * 1000, ifMissing = 'make' }: OpenOptions = {},
): Promise<Stores> {
  let isOpen = false;
  const left = new Set<string>();
  const redis = config.redisUrl === undefined ? undefined : openRedis(config.redisUrl, logged);
  try {
    const open = () =>
      openDatabase(config.databaseUrl, {
        appid: config.sandbox ? undefined : config.apps[0].appid,
        timezone: config.databaseTimezone,
        ifMissing,
        warn: (problem) => log.warn({ problem }, 'a file is not private'),
        report: (what) => log.info({ what }, 'migration'),
        listener: nodeChanged,
      });
    const database = await whenUp(open, waitingFor('the database'));
    isOpen = true;
    const close = () => Promise.all([database.db.destroy(), redis?.close()]).then(() => undefined);
    if (redis && waitMs > 0) await whenUp(redis.probe, waitingFor('Redis')).catch(closing);
    return { database, redis, close };

    async function closing(error: unknown): Promise<never> {
      await database.db.destroy();
      throw error;
    }
  } catch (error) {
    await redis?.close();
    throw error;
  }

  function waitingFor(what: string): Waiting {
    return {
      waitMs,
      waits: (reason) =>
        log.warn({ reason, seconds: waitMs / 1000 }, `${what} is not up yet: waiting for it`),
      isUp: () => log.info(`${what} is up`),
    };
  }

  /** While it is waited for, each attempt leaves the node again. */
  function nodeChanged({ what, ...event }: NodeEvent): void {
    if (what === 'left' && !isOpen && left.size === left.add(event.node).size) return;
    const [level, message] = NODE_EVENTS[what];
    log[level](event, message);
  }

  function logged({ health, what, ...event }: Parameters<RedisListener>[0]): void {
    const todo = redisNextStep(event.reason ?? '');
    const about = { ...event, ...(todo && { todo }) };
    if (health === 'up') log.info(event, `${what} is back`);
    else if (health === 'down') log.warn(about, `${what} left`);
    else log.warn(about, `${what} can only be read: users stay logged in, logins fail`);
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
