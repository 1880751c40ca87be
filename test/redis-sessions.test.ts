import { beforeEach, describe, expect, test } from 'vitest';
import type { Ended, Session } from '../src/auth/sessions.ts';
import type { Known, RevokedSessions } from '../src/db/revoked.ts';
import { AppError } from '../src/errors.ts';
import { openRedis, type Redis } from '../src/redis/open.ts';
import { createRedisSessions } from '../src/redis/sessions.ts';
import { redisThere } from './support/engines.ts';
import { type Redis as RedisServer, startRedis } from './support/redis.ts';

const HOUR = 3_600_000;
const KEY = 'weapp-login:{1}:session:';
const INDEX = 'weapp-login:{1}:sessions';

describe.skipIf(!redisThere)('the sessions in Redis', () => {
  let server: RedisServer;
  let redis: Redis;
  let clock: Date;
  beforeEach(async () => {
    server = await startRedis();
    redis = openRedis(server.url);
    clock = new Date();
    return async () => {
      await redis.close();
      await server.stop();
    };
  });

  /** Beside a database that has nothing against anybody, but for what a test changes. */
  function start(changes: Partial<RevokedSessions> = {}, tell?: (ended: Ended) => Promise<void>) {
    const revoked: RevokedSessions = {
      known: async () => ({ standing: 'good', generation: 0 }),
      among: async (_userId, sessions) => [...sessions],
      revoke: async () => undefined,
      revokeAll: async () => undefined,
      admits: async () => true,
      ...changes,
    };
    const told = tell ? { ...redis, ends: { ...redis.ends, tell } } : redis;
    return createRedisSessions({ redis: told, revoked, limit: 10, now: () => clock });
  }

  function lasting(sid: string, ms: number): Session {
    const at = clock;
    const expiresAt = new Date(at.getTime() + ms);
    const of = { device: 'unknown', place: 'unknown', sessionKey: 'sealed' };
    return { sid, userId: 1, generation: 0, ...of, createdAt: at, lastUsedAt: at, expiresAt };
  }

  test('one whose time is over by our clock is none, although Redis still has it', async () => {
    const sessions = start();
    await sessions.open(lasting('sid', HOUR), 'openid');
    expect(await sessions.standing(1, 'sid')).toBe('good');
    clock = new Date(clock.getTime() + 2 * HOUR);
    expect(await server.cli('EXISTS', `${KEY}sid`)).toBe('1');
    expect(await sessions.standing(1, 'sid')).toBe('ended');
    expect(await sessions.find(1, 'sid')).toBeUndefined();
  });

  test('the names of a user’s sessions stay as long as the longest, each until its time is over', async () => {
    const sessions = start();
    await sessions.open(lasting('long', 9 * HOUR), 'openid');
    await sessions.open(lasting('short', HOUR), 'openid');
    expect(Number(await server.cli('PTTL', INDEX))).toBeGreaterThan(8 * HOUR);
    clock = new Date(clock.getTime() + 2 * HOUR);
    expect((await sessions.list(1)).map(({ sid }) => sid)).toEqual(['long']);
    expect(await server.cli('ZRANGE', INDEX, '0', '-1')).toBe('long');
  });

  test('the last use is noted, about once a minute', async () => {
    const sessions = start();
    await sessions.open(lasting('sid', HOUR), 'openid');
    const lastUse = async () => (await sessions.find(1, 'sid'))?.lastUsedAt;
    const opened = clock;
    clock = new Date(opened.getTime() + 59_000);
    await sessions.standing(1, 'sid');
    expect(await lastUse()).toEqual(opened);
    clock = new Date(opened.getTime() + 60_000);
    await sessions.standing(1, 'sid');
    expect(await lastUse()).toEqual(clock);
  });

  test('noting it does not bring back one that ends at this moment', async () => {
    const sessions = start({
      async known() {
        // In their order on the one connection: the session has been read when this deletes it.
        await redis.run((commands) => commands.get(`${KEY}sid`));
        await redis.run((commands) => commands.del(`${KEY}sid`));
        return { standing: 'good', generation: 0 };
      },
    });
    await sessions.open(lasting('sid', HOUR), 'openid');
    clock = new Date(clock.getTime() + 60_000);
    await sessions.standing(1, 'sid');
    expect(await server.cli('EXISTS', `${KEY}sid`)).toBe('0');
  });

  test('an end is told when it has happened', async () => {
    const left: string[] = [];
    const sessions = start({}, async () => {
      left.push(await server.cli('EXISTS', `${KEY}sid`));
    });
    await sessions.open(lasting('sid', HOUR), 'openid');
    await sessions.endAll(1);
    await sessions.open(lasting('sid', HOUR), 'openid');
    await sessions.end(1, 'sid');
    expect(left).toEqual(['0', '0']);
  });

  test('that a user is to be asked about anew is told and ends no session; without Redis it fails', async () => {
    const told: Ended[] = [];
    const sessions = start({}, async (ended) => void told.push(ended));
    await sessions.open(lasting('sid', HOUR), 'openid');
    await sessions.forget(1);
    expect(told).toEqual([{ userId: 1 }]);
    expect(await sessions.standing(1, 'sid')).toBe('good');
    await server.kill();
    await expect(start().forget(1)).rejects.toMatchObject({ code: 'database_unavailable' });
  });

  const failure = new AppError('database_unavailable', { reason: 'the database' });
  const known = (standing: Known['standing'], generation = 0) => Promise.resolve({ standing, generation });
  test.each<[string, () => Promise<Known>, string, string, string]>([
    ['ended', () => known('ended'), 'ended', 'ended', 'ended'],
    ['another generation', () => known('good', 1), 'ended', 'ended', 'ended'],
    ['banned, which raised the generation', () => known('banned', 1), 'banned', 'ended', 'banned'],
    ['banned', () => known('banned'), 'banned', 'ended', 'banned'],
    ['good', () => known('good'), 'good', 'ended', 'Redis'],
    ['nothing', () => Promise.reject(failure), 'the database', 'ended', 'the database'],
  ])('the database says %s: Redis has it, has it not, does not answer', async (_name, says, ...expected) => {
    let answer: () => Promise<Known> = () => known('good');
    const sessions = start({ known: () => answer() });
    await sessions.open(lasting('sid', HOUR), 'openid');
    expect(await sessions.standing(1, 'sid')).toBe('good');
    answer = says;
    const standing = (sid: string) =>
      sessions
        .standing(1, sid)
        .catch(({ reason }: AppError) => /^the database|^Redis/.exec(reason ?? '')?.[0]);
    const [there, gone] = [await standing('sid'), await standing('another')];
    await server.kill();
    expect([there, gone, await standing('sid')]).toEqual(expected);
  });
});
