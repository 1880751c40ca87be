import { createServer } from 'node:net';
import { join } from 'node:path';
import { createConnection } from 'mysql2/promise';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { AppError } from '../src/errors.ts';
import { whenUp } from '../src/when-up.ts';
import { freshSqlite, redisThere } from './support/engines.ts';
import { hasMariaDb, type MariaDb, startMariaDb } from './support/mariadb.ts';
import { freePort } from './support/ports.ts';
import { run, runServer } from './support/process.ts';
import { startRedis } from './support/redis.ts';

const hasIpv6 = await canListen('::1');
const linesOf = (output: string, text: string | RegExp) =>
  output.split('\n').filter((line) => line.match(text));

describe.runIf(hasMariaDb())('a MariaDB that is not up yet', () => {
  let mariadb: MariaDb;
  let env: Record<string, string>;

  beforeAll(async () => {
    mariadb = await startMariaDb();
    const connection = await createConnection(mariadb.url);
    await connection.query('CREATE DATABASE later');
    await connection.end();
    env = { DATABASE_URL: `${mariadb.url}later`, PORT: '0', START_WAIT: '2m' };
    return mariadb.stop;
  }, 60_000);

  test('is waited for, which the log says once, with the cause and how long; then the server answers', async () => {
    await mariadb.kill();
    const server = run(['start'], env);
    await server.prints('the database is not up yet: waiting for it');
    await mariadb.start();
    const url = await server.prints(/"url":"([^"]+)"/);
    expect((await fetch(`${url}/readyz`)).status).toBe(200);
    const [waiting, ...more] = linesOf(server.output(), 'not up yet');
    expect(more).toEqual([]);
    expect(JSON.parse(waiting ?? '')).toMatchObject({
      seconds: 120,
      reason: expect.stringMatching(/ECONNREFUSED/),
    });
    expect(linesOf(server.output(), 'the database is up')).toHaveLength(1);
    expect(linesOf(server.output(), 'database node left').length).toBeLessThanOrEqual(1);
    expect(linesOf(server.output(), '"listening"')[0]).toContain(
      `"database":"MySQL 127.0.0.1:${mariadb.port}/later"`,
    );
  }, 60_000);

  test('is waited for by migrate, whose output says so', async () => {
    await mariadb.kill();
    const migrate = run(['migrate', '--dry-run'], env);
    await migrate.prints(/^the database is not up yet, waiting for it 120 s: .*ECONNREFUSED/);
    await mariadb.start();
    expect(await migrate.ended).toBe(0);
    expect(migrate.output()).toMatch(/\nthe database is up\n/);
  }, 60_000);

  test('while it is waited for, a signal ends the process at once', async () => {
    await mariadb.kill();
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      const server = run(['start'], env);
      await server.prints('waiting for it');
      server.child.kill(signal);
      expect(await server.ended).toBe(0);
      expect(server.output()).toMatch(/"msg":"stopped before it was up"/);
    }
    await mariadb.start();
  }, 60_000);
});

test('a database that never comes up ends the start once the time is over', async () => {
  const server = run(['start'], {
    DATABASE_URL: `mysql://root:a-password@127.0.0.1:${await freePort()}/x`,
    START_WAIT: '2',
  });
  expect(await server.ended).toBe(1);
  expect(server.output()).toMatch(/"seconds":2,"msg":"the database is not up yet: waiting for it"/);
  expect(server.output()).toMatch(
    /^database_unavailable: POOL_NONE_ANSWERS: .*ECONNREFUSED.*\nIs DATABASE_URL right, and does the server run\?$/m,
  );
  expect(server.output()).not.toMatch(/a-password| {4}at /);
});

test('START_WAIT=0 waits for nothing', async () => {
  const server = run(['start'], {
    DATABASE_URL: `mysql://root@127.0.0.1:${await freePort()}/x`,
    START_WAIT: '0',
  });
  expect(await server.ended).toBe(1);
  expect(server.output()).not.toMatch(/waiting/);
});

test.each([
  ['a number without sense', 'soon'],
  ['two hours', '2h'],
])('START_WAIT of %s is refused', async (_name, START_WAIT) => {
  const server = run(['start'], { START_WAIT });
  expect(await server.ended).toBe(1);
  expect(server.output()).toMatch(/START_WAIT must be/);
});

describe.runIf(redisThere)('a Redis that is not up yet', () => {
  test('is waited for, and then keeps the sessions', async () => {
    const redis = await startRedis({ more: ['--requirepass', 'the-password'] });
    onTestFinished(redis.stop);
    await redis.kill();
    const database = await freshSqlite();
    onTestFinished(database.drop);
    const server = run(['start'], {
      PORT: '0',
      DATABASE_URL: database.url,
      REDIS_URL: `redis://:the-password@127.0.0.1:${redis.port}`,
      START_WAIT: '2m',
    });
    await server.prints('Redis is not up yet: waiting for it');
    expect(linesOf(server.output(), 'listening')).toEqual([]);
    await redis.start();
    const url = await server.prints(/"url":"([^"]+)"/);
    expect((await fetch(`${url}/readyz`)).status).toBe(200);
    expect(linesOf(server.output(), '"Redis is up"')).toHaveLength(1);
    expect(linesOf(server.output(), '"listening"')[0]).toContain(`"redis":"127.0.0.1:${redis.port}"`);
    expect(server.output()).not.toContain('the-password');
  }, 60_000);

  test('with a wrong password is not waited for', async () => {
    const redis = await startRedis({ more: ['--requirepass', 'right'] });
    onTestFinished(redis.stop);
    const database = await freshSqlite();
    onTestFinished(database.drop);
    const server = run(['start'], {
      PORT: '0',
      DATABASE_URL: database.url,
      REDIS_URL: `redis://:wrong@127.0.0.1:${redis.port}`,
      START_WAIT: '10m',
    });
    expect(await server.ended).toBe(1);
    expect(server.output()).toMatch(/WRONGPASS[\s\S]*\nCompare the user and the password in REDIS_URL/);
    expect(server.output()).not.toMatch(/waiting/);
  });
});

describe('what is waited for', () => {
  const failsOnce = (reason: string) => {
    const failures = [new AppError('database_unavailable', { reason })];
    return async () => {
      const failure = failures.pop();
      if (failure) throw failure;
      return 'up';
    };
  };
  const waiting = { waitMs: 60_000, waits: () => undefined, isUp: () => undefined };

  test.each([
    'POOL_NONE_ANSWERS: db:3306: connect ECONNREFUSED 127.0.0.1:3306',
    'POOL_NONE_ANSWERS: db:3306: getaddrinfo ENOTFOUND db',
    'POOL_NONE_ANSWERS: db:3306: getaddrinfo EAI_AGAIN db',
    'POOL_NONE_ANSWERS: db:3306: connect ETIMEDOUT',
    'POOL_NONE_ANSWERS: db:3306: Connection lost: The server closed the connection.',
    'ER_SERVER_SHUTDOWN: Server shutdown in progress',
    'ER_CON_COUNT_ERROR: Too many connections',
    "POOL_NONE_ANSWERS: db:3306: User 'u' has exceeded the 'max_user_connections' resource (current value: 5)",
    "POOL_NONE_ANSWERS: db:3306: User u already has more than 'max_user_connections' active connections",
    'SQLITE_BUSY: database is locked',
    'Redis at r:6379: LOADING Redis is loading the dataset in memory',
    'Redis at r:6379: no answer within 2000 ms',
    'Redis at r:6379: CLUSTERDOWN The cluster is down',
  ])('%s', async (reason) => {
    await expect(whenUp(failsOnce(reason), waiting)).resolves.toBe('up');
  });

  test.each([
    "POOL_NONE_ANSWERS: db:3306: Access denied for user 'u'@'h' (using password: YES)",
    "POOL_NONE_ANSWERS: db:3306: Unknown database 'x'",
    "POOL_NONE_ANSWERS: db:3306: Host 'h' is not allowed to connect to this MariaDB server",
    'POOL_NONE_ANSWERS: db:3306: the server does not let a session be set as it must be: autocommit is OFF and must be 1',
    'POOL_NONE_ANSWERS: db:3306: self-signed certificate in certificate chain',
    'SQLITE_NOTADB: file is not a database',
    'SQLITE_FULL: database or disk is full',
    'Redis at r:6379: WRONGPASS invalid username-password pair or user is disabled.',
    'Redis at r:6379: NOAUTH Authentication required.',
    'Redis at r:6379: ERR DB index is out of range',
  ])('and what is not: %s', async (reason) => {
    await expect(whenUp(failsOnce(reason), waiting)).rejects.toMatchObject({ reason });
  });

  test('a mistake of ours is not waited for', async () => {
    await expect(whenUp(() => Promise.reject(new TypeError('x')), waiting)).rejects.toThrow(TypeError);
  });
});

describe('listening says', () => {
  test('that it is every address, and the file of the database with its whole path', async () => {
    const server = await runServer({ HOST: '0.0.0.0' });
    const [line = ''] = linesOf(server.output(), '"listening"');
    const { port } = new URL(server.url);
    expect(JSON.parse(line)).toMatchObject({
      url: `http://127.0.0.1:${port}`,
      listensOn: `all addresses (0.0.0.0), port ${port}`,
      database: `SQLite ${join(server.folder, 'data/weapp-login.db')}`,
      sandbox: true,
    });
  });

  test.runIf(hasIpv6)('one address as it is bound, and a database in memory', async () => {
    const server = await runServer({ HOST: '::1', DATABASE_URL: 'sqlite::memory:' });
    const { port } = new URL(server.url);
    const [line = ''] = linesOf(server.output(), '"listening"');
    expect(JSON.parse(line)).toMatchObject({ listensOn: `[::1]:${port}`, database: 'SQLite in memory' });
  });
});

function canListen(host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
      .once('error', () => resolve(false))
      .listen(0, host, () => server.close(() => resolve(true)));
  });
}
