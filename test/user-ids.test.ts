import fc from 'fast-check';
import { sql } from 'kysely';
import { createConnection } from 'mysql2/promise';
import { describe, expect, inject, onTestFinished, test } from 'vitest';
import { createAdministration } from '../src/db/administration.ts';
import { migrateDatabase, openDatabase, planDatabase } from '../src/db/open.ts';
import { exactInteger, parseUserId } from '../src/user-id.ts';
import { realSettings, startApp, type TestApp } from './support/app.ts';
import { type FreshDatabase, freshMysql, freshSqlite, mysqlUrl, redisThere } from './support/engines.ts';
import { run } from './support/process.ts';
import { startRedis } from './support/redis.ts';
import { json, SESSION, startStandIn } from './support/wechat.ts';

const SNOWFLAKE = 1583264823746281472n;
/** Each with the next one. From 2^53 on both are the same number to JavaScript. */
const LOWER = [2n ** 31n - 1n, 2n ** 53n - 1n, 2n ** 53n, SNOWFLAKE, 2n ** 63n - 2n];
const JWT_SECRET = 'eMsft9ydoEYJ07v0LfjLfg2ArfXsSaZi6dx3Syho';
const env = { JWT_SECRET, SESSION_CACHE_SECONDS: '0' };

const servers = [
  { server: 'SQLite', fresh: freshSqlite, pairs: LOWER },
  ...[
    { server: 'MySQL or MariaDB', url: mysqlUrl },
    { server: 'MySQL 5.6', url: inject('mysql56Url') },
  ].flatMap(({ server, url }) =>
    url ? [{ server, fresh: () => freshMysql(url), pairs: [...LOWER, 2n ** 64n - 3n] }] : [],
  ),
];

/** A database that goes with the test. */
async function dropped(fresh: () => Promise<FreshDatabase>) {
  const database = await fresh();
  onTestFinished(database.drop);
  return database;
}

const as = (token: string) => ({ Authorization: token });
const me = (app: TestApp, token: string) => app.call('GET', '/api/wxuser/me', undefined, as(token));

/** Two users who are logged in, with these ids. */
async function twoUsers(app: TestApp, ids: readonly [bigint, bigint]) {
  for (const user of ['Ada', 'Bob']) {
    const { body } = await app.login({ user });
    await app.call('POST', '/api/wxuser/logout', { all: true }, as(body.token));
  }
  for (const [ada, bob] of [[1n, 2n], ids]) {
    const id = sql`CASE nickName WHEN 'Ada' THEN ${ada} ELSE ${bob} END`;
    await app.sql(sql`UPDATE wxuser SET id = ${id}, status = 'active', own_gender = 0, gender = 0`);
  }
  const [ada, bob] = [(await app.login({ user: 'Ada' })).body, (await app.login({ user: 'Bob' })).body];
  return { ada, bob };
}

/** What one of two neighbours does is never the other's. */
async function liveApart(app: TestApp, lower: bigint) {
  const ids = [lower, lower + 1n] as const;
  const { ada, bob } = await twoUsers(app, ids);
  expect([ada.user.id, bob.user.id]).toEqual(ids.map(exactInteger));
  expect([ada.isNew, bob.isNew]).toEqual([false, false]);
  for (const [{ token, user }, nickName] of [
    [ada, 'Ada'],
    [bob, 'Bob'],
  ] as const) {
    expect((await me(app, token)).body.user).toMatchObject({ id: user.id, nickName });
    const { body } = await app.call('GET', '/api/wxuser/me/export', undefined, as(token));
    expect(body).toMatchObject({
      status: 200,
      wxuser: { id: user.id, nickName },
      wxsession: [{ current: true }],
    });
  }
  const changed = await app.call('PUT', '/api/wxuser/me', { gender: 1 }, as(bob.token));
  expect(changed.body.user).toMatchObject({ id: bob.user.id, nickName: 'Bob', gender: 1 });
  await app.call('POST', '/api/wxuser/logout', { all: true }, as(bob.token));
  expect((await me(app, bob.token)).body).toMatchObject({ status: 401, code: 'session_ended' });
  expect((await me(app, ada.token)).body.user).toMatchObject({ id: ada.user.id, nickName: 'Ada', gender: 2 });
  const { body: again } = await app.login({ user: 'Bob' });
  const erased = await app.call('DELETE', '/api/wxuser/me', undefined, as(ada.token));
  expect(erased.status).toBe(200);
  expect((await me(app, ada.token)).body).toMatchObject({ status: 401, code: 'session_ended' });
  expect((await me(app, again.token)).body.user).toMatchObject({
    id: bob.user.id,
    nickName: 'Bob',
    gender: 1,
  });
  expect((await app.rows()).map(({ id }) => id)).toEqual([exactInteger(ids[1])]);
}

describe.each(servers)('on $server', ({ fresh, pairs }) => {
  test('users whose ids are neighbours, beyond 2^53 too, see and change their own rows alone', async () => {
    const app = await startApp({ database: await dropped(fresh), env });
    for (const lower of pairs) await liveApart(app, lower);
  });

  test('the same under a ban and for whoever administers', async () => {
    const database = await dropped(fresh);
    const app = await startApp({ database, env });
    const opened = await openDatabase(database.url);
    onTestFinished(() => opened.db.destroy());
    const administration = createAdministration(opened, () => new Date());
    for (const lower of pairs.slice(-3)) {
      const { ada, bob } = await twoUsers(app, [lower, lower + 1n]);
      await administration.setStatus([bob.user.id], 'banned');
      expect((await me(app, bob.token)).body).toMatchObject({ status: 403, code: 'user_banned' });
      expect((await me(app, ada.token)).status).toBe(200);
      await administration.endSessions(ada.user.id);
      expect((await me(app, ada.token)).body).toMatchObject({ status: 401, code: 'session_ended' });
      expect((await administration.find(String(bob.user.id))).map(({ id }) => id)).toEqual([bob.user.id]);
      expect(await administration.rowsOf(bob.user.id, true)).toMatchObject([{ id: bob.user.id }]);
      expect(await administration.find('18446744073709551615')).toEqual([]);
      expect(await administration.rowsOf('18446744073709551615', false)).toEqual([]);
    }
  });

  test('ids that count up from a high start are texts of digits in JSON, numbers below 2^53', async () => {
    const app = await startApp({ database: await dropped(fresh), env });
    await twoUsers(app, [2n ** 53n - 1n, SNOWFLAKE]);
    await app.sql(sql`INSERT INTO wxuser (id, appid, user_id) VALUES (${SNOWFLAKE + 1n}, 'x', 'x')`);
    const { body } = await app.login({ user: 'Cyd' });
    expect(body).toMatchObject({ isNew: true, user: { id: '1583264823746281474' } });
    expect((await me(app, body.token)).body.user.id).toBe('1583264823746281474');
    expect((await app.login({ user: 'Ada' })).body.user.id).toBe(Number.MAX_SAFE_INTEGER);
    expect(app.log.filter(({ audit }) => audit === 'login').at(-2)).toMatchObject({
      user: '1583264823746281474',
    });
  });
});

describe.each(servers.slice(1))('a table that is adopted, on $server', ({ fresh }) => {
  const OPENID = [
    'oAda0000000000000000000000AA',
    'oBob0000000000000000000000BB',
    'oEve0000000000000000000000EE',
  ];

  async function given(...statements: string[]) {
    const database = await dropped(fresh);
    const connection = await createConnection(database.url);
    await connection.query("SET sql_mode = 'NO_AUTO_VALUE_ON_ZERO'");
    for (const statement of statements) await connection.query(statement);
    await connection.end();
    return database;
  }

  test('with snowflake ids is taken over; of doubled rows the lowest id stays, by all of its digits', async () => {
    const [low, high] = [SNOWFLAKE + 1n, SNOWFLAKE + 2n]; // the same double, in the other order of insertion
    const database = await given(
      'CREATE TABLE wxuser (id BIGINT NOT NULL PRIMARY KEY, user_id VARCHAR(64), nickName VARCHAR(64))',
      `INSERT INTO wxuser VALUES (${high}, '${OPENID[0]}', 'new'), (${low}, '${OPENID[0]}', 'old'), (${SNOWFLAKE}, '${OPENID[1]}', 'Bob')`,
    );
    const wechat = await startStandIn();
    const app = await startApp({
      database,
      env: { ...realSettings(wechat.url), SESSION_CACHE_SECONDS: '0' },
    });
    expect((await app.rows()).map(({ id, nickName }) => [id, nickName])).toEqual([
      [String(SNOWFLAKE), 'Bob'],
      [String(low), 'new'],
    ]);
    for (const [openid, id] of [
      [OPENID[0], low],
      [OPENID[1], SNOWFLAKE],
      [OPENID[2], high + 1n],
    ] as const) {
      wechat.answer(json({ ...SESSION, openid }));
      const { body } = await app.call('POST', '/api/wxuser', { code: 'c' });
      expect(body).toMatchObject({ status: 200, user: { id: String(id) } });
      expect((await me(app, body.token)).body.user.id).toBe(String(id));
    }
  });

  test.each([
    [
      'CHAR(36) NOT NULL PRIMARY KEY',
      "'6f1c5a0e-0000-4000-8000-000000000000'",
      /id char\(36\).*the login writes whole numbers/,
    ],
    ['DECIMAL(20,0) NOT NULL PRIMARY KEY', '1', /id decimal\(20,0\).*the login writes whole numbers/],
    ['INT NOT NULL PRIMARY KEY', '0', /1 rows have an id below 1/],
    ['BIGINT NOT NULL PRIMARY KEY', '-5', /1 rows have an id below 1/],
    ['INT NULL', 'NULL', /1 rows have no id/],
    ['INT NOT NULL', '1), (2), (2', /2 rows share their id with another/],
    [
      'SMALLINT NOT NULL AUTO_INCREMENT PRIMARY KEY',
      '7',
      /room for 32760 more users\n +ALTER TABLE wxuser MODIFY id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT;/,
    ],
    [
      'INT NOT NULL PRIMARY KEY',
      '2147483647',
      /room for 0 more users\n +ALTER TABLE wxuser MODIFY id BIGINT UNSIGNED NOT NULL;/,
    ],
    ['BIGINT NOT NULL PRIMARY KEY', '9223372036854775807', /room for 0 more users/],
    ['BIGINT ZEROFILL NOT NULL PRIMARY KEY', String(SNOWFLAKE), /filled up with zeros\n +ALTER TABLE/],
  ])('with the id %s and %s is refused by name, and stays as it is', async (type, ids, expected) => {
    const database = await given(
      `CREATE TABLE wxuser (id ${type}, user_id VARCHAR(64))`,
      `INSERT INTO wxuser (id) VALUES (${ids})`,
    );
    await expect(planDatabase(database.url)).rejects.toThrow(expected);
    await expect(migrateDatabase(database.url)).rejects.toThrow(expected);
    const connection = await createConnection(database.url);
    const [columns] = await connection.query('SHOW COLUMNS FROM wxuser');
    await connection.end();
    expect(columns).toHaveLength(2);
  });

  test('whose ids no key keeps apart gets such a key', async () => {
    const database = await given(
      'CREATE TABLE wxuser (id INT NOT NULL AUTO_INCREMENT, user_id VARCHAR(64), PRIMARY KEY (id, user_id))',
    );
    await migrateDatabase(database.url);
    const connection = await createConnection(database.url);
    await connection.query("INSERT INTO wxuser (id, user_id) VALUES (1, 'a')");
    await expect(connection.query("INSERT INTO wxuser (id, user_id) VALUES (1, 'b')")).rejects.toThrow(
      /Duplicate/,
    );
    await connection.end();
  });

  test('of the Koa tutorial whose ids do not fit is not imported, and that is said', async () => {
    const database = await given(
      'CREATE TABLE wxuser (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, user_id VARCHAR(64))',
      'CREATE TABLE user (id BIGINT NOT NULL PRIMARY KEY, openid VARCHAR(64))',
      `INSERT INTO user VALUES (${SNOWFLAKE}, '${OPENID[0]}'), (5, '${OPENID[1]}')`,
    );
    const said: string[] = [];
    await migrateDatabase(database.url, { report: (what) => said.push(what) });
    expect(said).toContain(
      'the table user (2 openids) is not imported: 1 of its ids are below 1 or above 2147483647',
    );
  });
});

test('from the command line, users, ban, unban and end-sessions meet whose id it is', async () => {
  const database = await dropped(freshSqlite);
  const app = await startApp({ database, env });
  const { ada, bob } = await twoUsers(app, [SNOWFLAKE, SNOWFLAKE + 1n]);
  const command = async (...args: string[]) => {
    const process = run(args, { ...env, DATABASE_URL: database.url }, undefined, { private: true });
    expect([await process.ended, args]).toEqual([0, args]);
    return { words: process.words(), errors: process.errors() };
  };
  expect((await command('users', bob.user.id)).words).toMatch(
    /^1583264823746281473 {2}Bob {2}active, 1 sessions/,
  );
  const banned = await command('ban', bob.user.id);
  expect(banned.words).toBe('user 1583264823746281473 is banned\n');
  expect(JSON.parse(banned.errors)).toMatchObject({
    audit: 'ban',
    user: '1583264823746281473',
    result: 'ok',
  });
  expect([(await me(app, ada.token)).status, (await me(app, bob.token)).status]).toEqual([200, 403]);
  await command('unban', bob.user.id);
  expect((await command('end-sessions', ada.user.id)).words).toBe(
    'ended 1 sessions of user 1583264823746281472\n',
  );
  expect((await me(app, ada.token)).body.code).toBe('session_ended');
  expect((await app.login({ user: 'Bob' })).status).toBe(200);
});

test.skipIf(!redisThere)(
  'with sessions in Redis, neighbours stay apart, and instances hear which of them',
  async () => {
    const redis = await startRedis();
    const database = await freshSqlite();
    const env = { JWT_SECRET, REDIS_URL: redis.url, SESSION_CACHE_SECONDS: '3600' };
    const app = await startApp({ database, env });
    const other = await startApp({ database, env });
    await liveApart(app, SNOWFLAKE);
    const { ada, bob } = await twoUsers(app, [SNOWFLAKE, SNOWFLAKE + 1n]);
    for (const { token } of [ada, bob]) expect((await me(other, token)).status).toBe(200);
    await app.call('POST', '/api/wxuser/logout', undefined, as(bob.token));
    await expect.poll(async () => (await me(other, bob.token)).body.code).toBe('session_ended');
    expect((await me(other, ada.token)).status).toBe(200);
  },
);

test('an id has one form: a number where that is exact, else its digits', () => {
  const id = fc.oneof(
    fc.bigInt(1n, 2n ** 64n - 1n),
    fc
      .constantFrom(53n, 63n, 64n)
      .chain((bits) => fc.bigInt(2n ** bits - 3n, 2n ** bits + (bits < 64n ? 3n : -1n))),
  );
  fc.assert(
    fc.property(id, (integer) => {
      const form = parseUserId(String(integer));
      expect(form).toBe(exactInteger(integer));
      expect(BigInt(JSON.parse(JSON.stringify(form)))).toBe(integer);
      expect(typeof form).toBe(integer < 2n ** 53n ? 'number' : 'string');
    }),
  );
});

test.each([
  '',
  '0',
  '-1',
  '+1',
  '007',
  '1e3',
  '1.0',
  ' 1',
  '1 ',
  '0x1',
  '١',
  '18446744073709551616',
  '9'.repeat(40),
])('no id: %j', (text) => expect(parseUserId(text)).toBeUndefined());
