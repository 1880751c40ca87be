import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { databaseStep, explain } from '../src/cli/explain.ts';
import { loadConfig } from '../src/config.ts';
import { examineRedis } from '../src/doctor/redis.ts';
import { AppError } from '../src/errors.ts';
import { startApp, type TestApp } from './support/app.ts';
import { type FreshDatabase, freshSqlite, redisThere } from './support/engines.ts';
import { run } from './support/process.ts';
import { type Redis, startRedis } from './support/redis.ts';

const SECRET = { JWT_SECRET: 'eMsft9ydoEYJ07v0LfjLfg2ArfXsSaZi6dx3Syho' };
const UNAVAILABLE = { status: 503, code: 'database_unavailable', retry: 'later' };
const ENDED = { status: 401, code: 'session_ended', retry: 'login' };
const WAIT = { timeout: 10_000 };

const ONLY_READ = 'redis can only be read: users stay logged in, logins fail';

async function startServer(...more: string[]): Promise<Redis> {
  const redis = await startRedis({ more });
  onTestFinished(redis.stop);
  return redis;
}

async function freshDatabase(): Promise<FreshDatabase> {
  const database = await freshSqlite();
  onTestFinished(database.drop);
  return database;
}

const start = (database: FreshDatabase, url: string, env: Record<string, string> = {}) =>
  startApp({ database, env: { ...SECRET, REDIS_URL: url, ...env } });
const me = (app: TestApp, Authorization: string) =>
  app.call('GET', '/api/wxuser/me', undefined, { Authorization });
const tokenOf = async (app: TestApp, user: string) => (await app.login({ user })).body.token as string;
const logged = (app: TestApp, msg: string) => app.log.filter((line) => line['msg'] === msg);
/** What doctor finds; what fails is a problem with explain's next step. */
const examine = (url: string) =>
  examineRedis(loadConfig({ REDIS_URL: url })).catch((error: AppError) => {
    const says = error.reason ?? '';
    return [{ level: 'problem', says, todo: databaseStep(says) }];
  });

/** A user of Redis who may do everything but that; gives the URL. */
async function userWithout(redis: Redis, ...rules: string[]): Promise<string> {
  await redis.cli('ACL', 'SETUSER', 'app', 'on', '>secret', '~*', '&*', '+@all', ...rules);
  return redis.url.replace('//', '//app:secret@');
}

describe.skipIf(!redisThere)('a Redis that can be read, and not written', () => {
  /** What makes one so, and what ends it. */
  const LIMITS: [string, string[], (redis: Redis) => Promise<() => Promise<unknown>>, RegExp, RegExp][] = [
    [
      'since a save has failed (MISCONF)',
      ['--save', '3600 1', '--enable-protected-configs', 'yes'],
      async (redis) => {
        const folder = join(redis.folder, 'dumps');
        const save = async (result: string) => {
          await redis.cli('BGSAVE');
          await expect
            .poll(() => redis.cli('INFO', 'persistence'), WAIT)
            .toMatch(new RegExp(`rdb_bgsave_in_progress:0[^]*rdb_last_bgsave_status:${result}`));
        };
        mkdirSync(folder);
        await redis.cli('CONFIG', 'SET', 'dir', folder);
        rmSync(folder, { recursive: true });
        await save('err');
        return async () => {
          await redis.cli('CONFIG', 'SET', 'dir', redis.folder);
          await save('ok');
        };
      },
      /^MISCONF/,
      /make room/,
    ],
    [
      'since its memory is full (OOM)',
      [],
      async (redis) => {
        await redis.cli('CONFIG', 'SET', 'maxmemory', '1mb', 'maxmemory-policy', 'noeviction');
        await redis.cli('CONFIG', 'SET', 'maxmemory', '1');
        return () => redis.cli('CONFIG', 'SET', 'maxmemory', '0');
      },
      /^OOM/,
      /maxmemory/,
    ],
    [
      'since it lacks replicas (NOREPLICAS)',
      [],
      async (redis) => {
        await redis.cli('CONFIG', 'SET', 'min-replicas-to-write', '1');
        return () => redis.cli('CONFIG', 'SET', 'min-replicas-to-write', '0');
      },
      /^NOREPLICAS/,
      /min-replicas-to-write/,
    ],
  ];

  test.each(LIMITS)(
    '%s: users stay logged in on every instance, logins are 503 at once, and both is said once',
    async (name, options, limit, reason, todo) => {
      const redis = await startServer(...options);
      const database = await freshDatabase();
      const [one, other] = [
        await start(database, redis.url, { SESSION_CACHE_SECONDS: '3600' }),
        await start(database, redis.url, { SESSION_CACHE_SECONDS: '0' }),
      ];
      const [ada, bob] = [await tokenOf(one, 'Ada'), await tokenOf(one, 'Bob')];
      expect((await me(one, bob)).status).toBe(200); // from here on it is remembered

      const heal = await limit(redis);
      await expect.poll(() => logged(one, ONLY_READ), WAIT).toHaveLength(1);
      const [said] = logged(one, ONLY_READ);
      expect(said).toMatchObject({
        reason: expect.stringMatching(reason),
        todo: expect.stringMatching(todo),
      });

      expect((await one.login({ user: 'Ada' })).body).toMatchObject(UNAVAILABLE);
      expect((await one.call('GET', '/readyz')).body).toMatchObject(UNAVAILABLE);
      for (const app of [one, other])
        for (const token of [ada, bob]) expect((await me(app, token)).status).toBe(200);
      const list = await one.call('GET', '/api/wxuser/sessions', undefined, { Authorization: ada });
      expect([list.status, list.body.sessions]).toEqual([200, [expect.objectContaining({ current: true })]]);
      const refusal = one.log.find(({ status, path }) => status === 503 && path === '/api/wxuser');
      expect(refusal?.['reason']).toMatch(new RegExp(`^Redis at [\\d.:]+: ${reason.source.slice(1)}`));

      // Whoever leaves is out everywhere, or is told that it is not done; nothing is half erased.
      const out = await other.call('POST', '/api/wxuser/logout', undefined, { Authorization: bob });
      expect(out.status).toBe(name.includes('NOREPLICAS') ? 503 : 200);
      if (out.status === 200) await expect.poll(async () => (await me(one, bob)).body).toMatchObject(ENDED);
      else expect((await me(other, bob)).body).toMatchObject(ENDED);
      const erased = await other.call('DELETE', '/api/wxuser/me', undefined, { Authorization: ada });
      const isFull = name.includes('OOM'); // what is full can be emptied
      expect([erased.status, (await one.rows()).length]).toEqual(isFull ? [200, 1] : [503, 2]);

      expect(await examine(redis.url)).toMatchObject([
        {
          level: 'problem',
          says: expect.stringMatching(reason.source.slice(1)),
          todo: expect.stringMatching(todo),
        },
      ]);
      await heal();
      await expect.poll(() => logged(one, 'redis is back'), WAIT).toHaveLength(1);
      expect((await one.login({ user: 'Ada' })).status).toBe(200);
      for (const msg of [ONLY_READ, 'redis left', 'redis subscription left'])
        expect([msg, logged(one, msg).length]).toEqual([msg, msg === ONLY_READ ? 1 : 0]);
    },
    30_000,
  );

  test('a server is not started on it, and says why and what to do', async () => {
    const redis = await startServer('--min-replicas-to-write', '1');
    const failure = await start(await freshDatabase(), redis.url).catch((error: unknown) => error);
    expect(explain(failure)).toMatch(
      /^database_unavailable: Redis at [\d.:]+: NOREPLICAS.*\nThe master has fewer replicas than min-replicas-to-write/,
    );
    const doctor = run(['doctor'], { REDIS_URL: redis.url });
    expect(await doctor.ended).toBe(1);
    expect(doctor.output()).toMatch(
      /^problem +Redis: Redis at .*NOREPLICAS.*\n +→ The master has fewer replicas/m,
    );
  });
});

describe.skipIf(!redisThere)('a Redis, or a proxy before it, that lacks commands', () => {
  test('scripts are not needed', async () => {
    const scripts = ['EVAL', 'EVALSHA', 'SCRIPT', 'FCALL'];
    const redis = await startServer(...scripts.flatMap((name) => ['--rename-command', name, '']));
    const app = await start(await freshDatabase(), redis.url);
    expect((await me(app, await tokenOf(app, 'Ada'))).status).toBe(200);
    expect(await examine(redis.url)).toMatchObject([{ level: 'ok' }]);
  });

  test.each([
    ['a command', 'ZADD', (redis: Redis) => redis.url, /unknown command/i],
    ['the right to one', undefined, (redis: Redis) => userWithout(redis, '-zadd'), /NOPERM.*zadd/],
    ['the right to its keys', undefined, (redis: Redis) => userWithout(redis, 'resetkeys', '~x'), /NOPERM/],
  ] as const)('without %s it is refused at the start, at once', async (_name, renamed, urlOf, says) => {
    const redis = await startServer(...(renamed ? ['--rename-command', renamed, ''] : []));
    const url = await urlOf(redis);
    const waiting = { START_WAIT: '60' };
    const failure = await start(await freshDatabase(), url, waiting).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'database_unavailable', reason: expect.stringMatching(says) });
    expect(explain(failure)).toContain('docs/redis.md');
    expect(await examine(url)).toMatchObject([
      { level: 'problem', todo: expect.stringContaining('docs/redis.md') },
    ]);
  });

  test.each<[string, string[], string[]]>([
    ['PUBLISH', ['PUBLISH'], []],
    ['SUBSCRIBE', ['SUBSCRIBE'], []],
    ['both', ['PUBLISH', 'SUBSCRIBE'], []],
    ['the right to PUBLISH', [], ['-publish']],
    ['the right to the channel', [], ['resetchannels']],
  ])(
    'without %s instances ask for every call: what ends has ended everywhere',
    async (_name, renamed, rules) => {
      const redis = await startServer(...renamed.flatMap((command) => ['--rename-command', command, '']));
      const url = rules.length > 0 ? await userWithout(redis, ...rules) : redis.url;
      const database = await freshDatabase();
      const env = { SESSION_CACHE_SECONDS: '3600' };
      const [one, other] = [await start(database, url, env), await start(database, url, env)];
      const ada = await tokenOf(one, 'Ada');
      for (const app of [one, other]) expect((await me(app, ada)).status).toBe(200);
      const out = await one.call('POST', '/api/wxuser/logout', undefined, { Authorization: ada });
      expect(out.status).toBe(200);
      for (const app of [one, other]) expect((await me(app, ada)).body).toMatchObject(ENDED);
      await expect.poll(() => logged(one, 'redis subscription left')).toHaveLength(1);
      expect(await examine(url)).toMatchObject([
        {
          level: 'problem',
          says: expect.stringMatching(/do not hear each other.*(?:NOPERM|unknown command)/i),
        },
      ]);
    },
  );

  test('who may publish no more says so, as long as others count on it', async () => {
    const redis = await startServer();
    const url = await userWithout(redis);
    const database = await freshDatabase();
    const [one, other] = [await start(database, url), await start(database, url)];
    const ada = await tokenOf(one, 'Ada');
    await expect.poll(() => redis.cli('PUBSUB', 'NUMSUB', 'weapp-login:ends')).toContain('2');
    await me(other, ada);
    await redis.cli('ACL', 'SETUSER', 'app', '-publish');
    const out = await one.call('POST', '/api/wxuser/logout', undefined, { Authorization: ada });
    expect(out.body).toMatchObject(UNAVAILABLE);
    expect((await me(one, ada)).body).toMatchObject(ENDED); // the database has it
  });
});

test.each([
  ['WRONGPASS invalid username-password pair or user is disabled.', /Compare the user and the password/],
  ['NOAUTH Authentication required.', /Compare the user and the password/],
  ['ERR invalid password', /Compare the user and the password/],
  ['ERR AUTH <password> called without any password configured', /Compare the user and the password/],
  ["ERR wrong number of arguments for 'auth' command", /knows no users/],
  ["NOPERM this user has no permissions to run the 'set' command", /ACL SETUSER/],
  ['MISCONF Errors writing to the AOF file: No space left on device', /make room/],
  ["OOM command not allowed when used memory > 'maxmemory'.", /maxmemory/],
  ["READONLY You can't write against a read only replica.", /name the master/],
  ['NOREPLICAS Not enough good replicas to write.', /min-replicas-to-write/],
  ["MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.", /lost its master/],
  ['LOADING Redis is loading the dataset in memory', /wait/],
  ['CLUSTERDOWN Hash slot not served', /--cluster check/],
  ['MOVED 1234 10.0.0.2:6379', /redis-cluster:\/\//],
  ['ERR This instance has cluster support disabled', /redis:\/\/ for one server/],
  ["ERR unknown command 'ZADD', with args beginning with: ", /lacks a command/],
  ["ERR command 'ZADD' not support", /lacks a command/],
  ['connect ECONNREFUSED 127.0.0.1:6379', /does the server run/],
])('%s: the next step', (said, next) => {
  const failure = new AppError('database_unavailable', { reason: `Redis at 127.0.0.1:6379: ${said}` });
  expect(explain(failure).split('\n')).toEqual([expect.stringContaining(said), expect.stringMatching(next)]);
});
