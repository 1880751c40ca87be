import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { type Connection, createConnection, type RowDataPacket } from 'mysql2/promise';
import { describe, expect, inject, onTestFinished, test } from 'vitest';
import { migrateDatabase, planDatabase } from '../src/db/open.ts';
import { fixtures } from './fixtures/tutorial-tables.ts';
import { APPID, realSettings, startApp } from './support/app.ts';
import { type FreshDatabase, freshMysql } from './support/engines.ts';
import { run } from './support/process.ts';
import { json, SESSION, startStandIn } from './support/wechat.ts';

const servers = [
  { server: 'MariaDB', url: inject('mysqlUrl') },
  { server: 'MySQL 5.6', url: inject('mysql56Url') },
].filter((each): each is { server: string; url: string } => each.url !== undefined);

type Row = Record<string, unknown>;

/** ID and id are one column, as MySQL sees it; nickName keeps its capital. */
const lowerCase = (row: Row): Row =>
  Object.fromEntries(
    Object.entries(row).map(([name, value]) => [/^[A-Z_]+$/.test(name) ? name.toLowerCase() : name, value]),
  );
const withoutCounts = (step: string) => step.replace(/\(about \d+ rows\)/, '');

describe.each(servers)('a table that a tutorial made, on $server', ({ url: serverUrl }) => {
  /** A database with these tables, and a way into it. */
  async function given(
    sql: readonly string[],
  ): Promise<{ url: string; connection: Connection; rows(query: string): Promise<Row[]> }> {
    const database = await freshMysql(serverUrl);
    const connection = await createConnection({ uri: database.url, dateStrings: true, charset: 'utf8mb4' });
    await connection.query("SET sql_mode = '', time_zone = '+00:00'");
    for (const statement of sql) await connection.query(statement);
    onTestFinished(async () => {
      await connection.end();
      await database.drop();
    });
    const rows = async (query: string) => (await connection.query(query))[0] as Row[];
    return { url: database.url, connection, rows };
  }

  test.each(fixtures)('$name', async ({ sql, rows: expected, merged }) => {
    const { url, rows } = await given(sql);
    const before = await rows('SHOW TABLES').then((tables) => tables.length);

    const planned = await planDatabase(url);
    expect(planned.length).toBeGreaterThan(0);
    expect(await rows('SHOW TABLES')).toHaveLength(before); // the dry run changed nothing

    const done: string[] = [];
    await migrateDatabase(url, { appid: APPID, report: (what) => done.push(what) });
    const after = await rows('SELECT * FROM wxuser ORDER BY id');
    expect(after.map(lowerCase)).toMatchObject(expected);
    expect(after).toHaveLength(expected.length);
    expect(new Set(after.map((row) => row['appid']))).toEqual(new Set([APPID]));
    const kept = await rows('SELECT row_json FROM wxuser_merged').catch(() => []);
    expect(kept).toHaveLength(merged ?? 0);
    expect(done.map(withoutCounts)).toEqual(expect.arrayContaining(planned.map(withoutCounts)));

    expect(await planDatabase(url)).toEqual([]);
    expect(await migrateDatabase(url, { appid: APPID })).toEqual([]);
  });

  test.each(fixtures)(
    '$name: its users log in as who they were, new ones come, names take emoji',
    async ({ sql, rows: expected }) => {
      const { url } = await given(sql);
      const wechat = await startStandIn();
      const app = await startApp({
        env: { ...realSettings(wechat.url), DATABASE_URL: url },
        database: { url, drop: async () => undefined },
      });
      const ada = expected.find((row) => row['user_id'] === SESSION.openid);

      wechat.answer(json(SESSION));
      const known = await app.call('POST', '/api/wxuser', {
        code: 'c',
        rawData: { nickName: '😀'.repeat(64) },
      });
      expect(known.body).toMatchObject({
        status: 200,
        isNew: false,
        user: { id: ada?.['id'], nickName: '😀'.repeat(64) },
      });
      wechat.answer(json({ ...SESSION, openid: 'oSomebodyNew00000000000000AA' }));
      const fresh = await app.call('POST', '/api/wxuser', { code: 'c' });
      expect(fresh.body).toMatchObject({ status: 200, isNew: true, user: { nickName: null } });
      const me = await app.call('GET', '/api/wxuser/me', undefined, { Authorization: known.body.token });
      expect(me.body.user.gender).toBe(Number(ada?.['gender'] ?? 0));
      expect(await app.rows()).toHaveLength(expected.length + 1);
      await app.close();
    },
  );

  test('what was merged is kept as it was, row by row', async () => {
    const fixture = fixtures.find((each) => each.merged === 3);
    const { url, rows } = await given(fixture?.sql ?? []);
    const before = await rows('SELECT * FROM wxuser WHERE id <> 2 ORDER BY id');
    await migrateDatabase(url);
    const kept = await rows('SELECT * FROM wxuser_merged ORDER BY id');
    expect(kept.map((row) => JSON.parse(String(row['row_json'])))).toMatchObject(before);
    expect(new Set(kept.map((row) => row['merged_into']))).toEqual(new Set([1]));
  });

  test('the columns, keys and comments of the user’s own stay', async () => {
    const fixture = fixtures.find((each) => each.name.includes('of the user’s own'));
    const { url, rows } = await given(fixture?.sql ?? []);
    const own =
      "SELECT COLUMN_NAME, COLUMN_TYPE, CHARACTER_SET_NAME, COLUMN_DEFAULT, IS_NULLABLE FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'wxuser' AND COLUMN_NAME IN ('points', 'note', 'photo', 'level', 'joined')";
    const before = await rows(own);
    await migrateDatabase(url);
    expect(await rows(own)).toEqual(before);
    expect(await rows("SHOW INDEX FROM wxuser WHERE Key_name = 'points'")).toHaveLength(1);
    expect(await rows("SHOW FULL COLUMNS FROM wxuser WHERE Field = 'user_id'")).toMatchObject([
      { Comment: "it's the openid" },
    ]);
  });

  test('the tutorial’s server goes on inserting during the move; its rows are claimed at the next start', async () => {
    const { url, connection, rows } = await given(fixtures[0]?.sql ?? []);
    await migrateDatabase(url, { appid: APPID });
    const [, bob] = await rows('SELECT user_id FROM wxuser ORDER BY id');
    const values = [
      ['oOfTheOldServer0000000000000', 'new'],
      [bob?.['user_id'], 'Bob again'],
    ];
    await connection.query('INSERT INTO wxuser (user_id, nickName) VALUES ?', [values]);
    await migrateDatabase(url, { appid: APPID });
    expect(await rows('SELECT appid, user_id, nickName FROM wxuser WHERE id > 3 ORDER BY id')).toEqual([
      { appid: APPID, user_id: bob?.['user_id'], nickName: 'Bob again' },
      { appid: APPID, user_id: 'oOfTheOldServer0000000000000', nickName: 'new' },
    ]);
    expect(await rows('SELECT merged_into FROM wxuser_merged')).toEqual([
      { merged_into: 7 },
      { merged_into: 7 },
    ]);
  });

  test.each([
    ['created_at is a number', 'created_at INT', /created_at int.*the login writes times/],
    ['gender is a date', 'gender DATE', /gender date/],
    ['there is no user_id', 'openid VARCHAR(64)', /user_id: the openid must be .* it seems to be in openid/],
  ])('%s: it says what to rename, and changes nothing', async (_name, column, problem) => {
    const base = column.startsWith('openid') ? '' : 'user_id VARCHAR(64), ';
    const { url, rows } = await given([`CREATE TABLE wxuser (id INT PRIMARY KEY, ${base}${column})`]);
    const before = await rows('SHOW CREATE TABLE wxuser');
    await expect(migrateDatabase(url)).rejects.toThrow(problem);
    expect(await rows('SHOW CREATE TABLE wxuser')).toEqual(before);
  });

  test('a Koa table whose ids are another user’s in wxuser is left alone, and it says so', async () => {
    const koa = fixtures.find((each) => each.name.includes('Koa'));
    const { url, connection, rows } = await given([...(koa?.sql ?? []), ...(fixtures[0]?.sql ?? [])]);
    await connection.query(
      "UPDATE wxuser SET id = 11, user_id = 'oAnother00000000000000000000' WHERE id = 3",
    );
    const said: string[] = [];
    await migrateDatabase(url, { report: (what) => said.push(what) });
    expect(said.join('\n')).toMatch(/the table user \(2 openids\) is not imported/);
    expect(await rows('SELECT id FROM wxuser ORDER BY id')).toEqual([{ id: 7 }, { id: 11 }]);
  });
});

describe.skipIf(!inject('mysqlUrl'))('interrupted and simultaneous migrations', () => {
  const USERS = 800;
  const big = [
    'CREATE TABLE wxuser (user_id VARCHAR(255), nickName VARCHAR(255), avatar VARCHAR(255), gender INT) CHARSET utf8',
    ...[1, 2].map(
      (round) => `INSERT INTO wxuser (user_id, nickName, gender)
        SELECT CONCAT('oUser', LPAD(seq, 23, '0')), CONCAT('name ', seq, ' ${round}'), seq % 3 FROM seq_1_to_${USERS / round}`,
    ),
  ];

  async function prepared(): Promise<FreshDatabase & { dump(): Promise<object> }> {
    const database = await freshMysql();
    const connection = await createConnection(database.url);
    for (const statement of big) await connection.query(statement);
    return {
      url: database.url,
      async drop() {
        await connection.end();
        await database.drop();
      },
      async dump() {
        const [users] = await connection.query<RowDataPacket[]>('SELECT * FROM wxuser ORDER BY id');
        const [merged] = await connection.query<RowDataPacket[]>(
          'SELECT merged_into, row_json FROM wxuser_merged ORDER BY merged_into, row_json',
        );
        const [keys] = await connection.query<RowDataPacket[]>('SHOW CREATE TABLE wxuser');
        const hash = createHash('sha256').update(JSON.stringify({ users, merged })).digest('hex');
        return {
          users: users.length,
          merged: merged.length,
          hash,
          table: String(keys[0]?.['Create Table']).replace(/AUTO_INCREMENT=\d+ /, ''),
        };
      },
    };
  }

  const settings = (url: string) => ({ ...realSettings('http://127.0.0.1:9'), DATABASE_URL: url });

  test('killed at 20 random moments: the next run finishes it, with the same end state', {
    timeout: 240_000,
  }, async () => {
    const whole = await prepared();
    const started = Date.now();
    expect(await run(['migrate'], settings(whole.url)).ended).toBe(0);
    const takes = Date.now() - started;
    const expected = await whole.dump();
    await whole.drop();

    const cut: string[] = [];
    for (let round = 0; round < 20; round++) {
      const database = await prepared();
      const first = run(['migrate'], settings(database.url));
      await wait(Math.random() * takes); // the moment of the kill is what this test is about
      first.child.kill('SIGKILL');
      await first.ended;
      cut.push(first.output().trim().split('\n').at(-1)?.slice(0, 50) ?? '');
      const second = run(['migrate'], settings(database.url));
      expect(await second.ended, second.output()).toBe(0);
      expect(await database.dump()).toEqual(expected);
      await database.drop();
    }
    process.stdout.write(`killed after these steps: ${JSON.stringify(cut, null, 1)}\n`);
  });

  test('two at once: both succeed, and one of them does it', async () => {
    const database = await prepared();
    const both = [1, 2].map(() => run(['migrate'], settings(database.url)));
    expect(await Promise.all(both.map((each) => each.ended))).toEqual([0, 0]);
    const outputs = both.map((each) => each.output());
    expect(outputs.filter((output) => output.includes('merge'))).toHaveLength(1);
    expect(outputs.filter((output) => output.includes('up to date'))).toHaveLength(1);
    await database.drop();
  });

  test('duplicates that the tutorial’s server makes during the migration are merged too', async () => {
    const database = await prepared();
    const old = await createConnection(database.url);
    let inserts = 0;
    const insert = `import { createConnection } from 'mysql2/promise';
      const old = await createConnection(process.argv[1]);
      await old.query("INSERT INTO wxuser (user_id, nickName) VALUES ('oUser00000000000000000000001', 'late')");
      await old.end();`;
    // One more duplicate just before the unique key is made; another process makes it while this one stands still.
    const report = (what: string) => {
      if (!what.startsWith('make (appid') || inserts > 2) return;
      inserts += 1;
      execFileSync(process.execPath, ['--input-type=module', '-e', insert, database.url]);
    };
    await migrateDatabase(database.url, { report });
    const [rows] = await old.query<RowDataPacket[]>(
      "SELECT nickName FROM wxuser WHERE user_id = 'oUser00000000000000000000001'",
    );
    expect(rows).toEqual([{ nickName: 'late' }]);
    expect(inserts).toBe(3); // each time it met the duplicate, and went back to merging
    await old.end();
    await database.drop();
  });

  test('--dry-run says what would be done, with counts, and changes nothing', async () => {
    const database = await prepared();
    const dry = run(['migrate', '--dry-run'], settings(database.url));
    expect(await dry.ended).toBe(0);
    expect(dry.output()).toMatch(/would adopt the table wxuser \(about \d+ rows\): ADD COLUMN id/);
    expect(dry.output()).toMatch(/would merge 800 rows of 400 users into one row each/);
    expect(dry.output()).toMatch(/would make \(appid, user_id\) unique/);
    await expect(database.dump()).rejects.toThrow(/Unknown column 'id'|wxuser_merged/);
    await database.drop();
  });
});
