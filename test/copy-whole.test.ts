import { linkSync, mkdtempSync, readdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { type RawBuilder, sql } from 'kysely';
import { describe, expect, inject, onTestFinished, test } from 'vitest';
import { COLUMNS } from '../src/db/columns.ts';
import { copyDatabase } from '../src/db/copy.ts';
import { openDatabase, withPatientDatabase } from '../src/db/open.ts';
import type { Tables } from '../src/db/schema.ts';
import { engines, type FreshDatabase, freshMysql, freshSqlite, mysqlUrl } from './support/engines.ts';

const SNOWFLAKE = 1583264823746281472n;
const OURS = Object.keys(COLUMNS) as (keyof Tables)[];

/** A database that goes with the test, its tables made. */
async function made(fresh: () => Promise<FreshDatabase>): Promise<string> {
  const { url, drop } = await fresh();
  onTestFinished(drop);
  await (await openDatabase(url)).db.destroy();
  return url;
}

const copy = (from: string, to: string, ...leaveOut: string[]) =>
  copyDatabase(from, to, { leaveOut, report: () => undefined });
const execute = (url: string, ...statements: (RawBuilder<unknown> | string)[]) =>
  withPatientDatabase(url, {}, async (db) => {
    for (const statement of statements)
      await (typeof statement === 'string' ? sql.raw(statement) : statement).execute(db);
  });
const rowsOf = <Row extends object = Record<string, unknown>>(url: string, query: string) =>
  withPatientDatabase(url, {}, async (db) => (await sql.raw<Row>(query).execute(db)).rows);
const user = (id: bigint | number, more = '') =>
  `INSERT INTO wxuser (id, user_id${more && `, ${more.split('=')[0]}`}) VALUES (${id}, 'o${id}'${more && `, ${more.split('=')[1]}`})`;

/** A value for every column of every table, no two the same. */
async function fillEverything(url: string, withMerged: boolean): Promise<void> {
  let n = 0;
  const at = () => `2026-01-02 03:04:05.${100 + n++}`;
  const text = () => `text ${n++}`;
  await withPatientDatabase(url, {}, async (db) => {
    await db
      .insertInto('wxuser')
      .values({
        ...{
          id: `${SNOWFLAKE}`,
          appid: text(),
          user_id: text(),
          unionid: text(),
          nickName: '张三😀',
          avatar: text(),
        },
        ...{
          gender: 2,
          phone: '+8613800138000',
          status: 'banned',
          own_nickName: 11,
          own_avatar: 12,
          own_gender: 13,
        },
        ...{ session_generation: 14, created_at: at(), updated_at: at(), last_login_at: at() },
      })
      .execute();
    const of = { wxuser_id: `${SNOWFLAKE}` } as const;
    await db
      .insertInto('wxsession')
      .values({
        ...{ ...of, sid: 'sid-1', generation: 15, session_key: text(), device: text(), place: text() },
        ...{ created_at: at(), last_used_at: at(), expires_at: at() },
      })
      .execute();
    await db
      .insertInto('wxsession_revoked')
      .values({ ...of, sid: 'sid-2', expires_at: at() })
      .execute();
    await db
      .insertInto('wxmedia_check')
      .values({
        ...{ ...of, trace_id: text(), avatar: text(), suggest: 'review', label: 20006, created_at: at() },
      })
      .execute();
    await db
      .insertInto('wxcallback_delivery')
      .values({ digest: text(), state: text(), created_at: at() })
      .execute();
    if (withMerged)
      await db
        .insertInto('wxuser_merged')
        .values({ id: 5, merged_into: `${SNOWFLAKE}`, merged_at: at(), row_json: '{"a":1}' })
        .execute();
  });
}

const everything = async (url: string, tables: readonly string[]) =>
  Promise.all(tables.map((table) => rowsOf(url, `SELECT * FROM ${table}`)));

const MERGED =
  'CREATE TABLE wxuser_merged (id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, merged_into BIGINT UNSIGNED NOT NULL, merged_at DATETIME(3) NOT NULL, row_json MEDIUMTEXT CHARACTER SET utf8mb4 NOT NULL)';

describe.each(engines)('the tables on $name', ({ name, fresh }) => {
  test('have the columns that the copy knows, and no other', async () => {
    const url = await made(fresh);
    for (const table of OURS.filter((each) => each !== 'wxuser_merged')) {
      const described = await rowsOf<{ name: string }>(
        url,
        name === 'SQLite'
          ? `SELECT name FROM pragma_table_info('${table}')`
          : `SELECT COLUMN_NAME AS name FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = '${table}'`,
      );
      expect(described.map((column) => column.name).toSorted()).toEqual(
        Object.keys(COLUMNS[table]).toSorted(),
      );
    }
  });
});

describe.skipIf(!mysqlUrl)('every column of every table comes over', () => {
  const tables = OURS.filter((each) => each !== 'wxuser_merged');

  test('from SQLite to MySQL to MySQL to SQLite', async () => {
    const urls = [
      await made(freshSqlite),
      await made(freshMysql),
      await made(freshMysql),
      await made(freshSqlite),
    ];
    await fillEverything(urls[0] ?? '', false);
    const source = await everything(urls[0] ?? '', tables);
    const values = source.flat().flatMap((row) => Object.values(row));
    expect(values.filter((value) => value === null || value === '')).toEqual([]);
    for (const [i, url] of urls.slice(1).entries()) {
      expect(await copy(urls[i] ?? '', url)).toMatchObject({ users: 1, sessions: 1, written: 5 });
      expect(await everything(url, tables)).toEqual(source);
      expect(await copy(urls[i] ?? '', url)).toMatchObject({ written: 0 });
    }
  });

  test('what was merged too, where there is a place for it; else that is said', async () => {
    const [from, to, file] = [await made(freshMysql), await made(freshMysql), await made(freshSqlite)];
    await execute(from, MERGED);
    await copy(from, to); // nothing was merged: no table is needed
    await fillEverything(from, true);
    await copy(from, to);
    expect(await everything(to, OURS)).toEqual(await everything(from, OURS));
    await expect(copy(from, file)).rejects.toThrow(
      /^Nothing was copied:\nwxuser_merged: .* --leave-out wxuser_merged$/,
    );
    expect(await rowsOf(file, 'SELECT id FROM wxuser')).toEqual([]);
    await copy(from, file, 'wxuser_merged');
    expect(await everything(file, tables)).toEqual(await everything(from, tables));
  });
});

describe.skipIf(!mysqlUrl)('columns of the user’s own', () => {
  const OWN = [
    ['vip', 'BIGINT UNSIGNED', '9007199254740993'],
    ['Ratio', 'DOUBLE', '0.1'],
    ['weight', 'FLOAT', '16777216.5'],
    ['balance', 'DECIMAL(30,10)', "'12345678901234567890.1234567890'"],
    ['photo', 'VARBINARY(20)', "X'00ff10'"],
    ['flags', 'BIT(9)', "b'100000001'"],
    ['born', 'DATE', "'1999-12-31'"],
    ['woke', 'TIME(3)', "'-25:00:01.5'"],
    ['seen', 'TIMESTAMP(6) NULL', "'2026-01-02 03:04:05.123456'"],
    ['made', 'YEAR', '1999'],
    ['size', "ENUM('小','大')", "'大'"],
    ['`odd name.x`', 'TEXT CHARACTER SET gbk', "'张三'"],
    ['note', 'LONGTEXT CHARACTER SET utf8mb4', '\'{"张三": "😀\\\\n"}\''],
    ['json_text', 'JSON', '\'"12"\''],
    ['json_lines', 'JSON', '\'"a\\\\nb"\''],
    ['json_null', 'JSON', "'null'"],
    ['json_object', 'JSON', '\'{"order": 1583264823746281472, "a": 1.0}\''],
    ['none', 'INT', 'NULL'],
  ] as const;
  const names = OWN.map(([column]) => column.replaceAll('`', ''));
  const add = OWN.map(([column, type]) => `ALTER TABLE wxuser ADD COLUMN ${column} ${type}`);
  const set = `UPDATE wxuser SET ${OWN.map(([column, , value]) => `${column} = ${value}`)}`;
  const query = `SELECT ${OWN.map(([column]) => `HEX(${column}) AS ${column}`)} FROM wxuser`;

  test('are copied with their types, once the target has them as the refusal says', async () => {
    const [from, to] = [await made(freshMysql), await made(freshMysql)];
    await execute(from, user(SNOWFLAKE), ...add, set, user(7));
    const refused = await copy(from, to).catch((error: Error) => error.message);
    expect(refused).toContain(`columns of your own: ${names.join(', ')}.`);
    expect(await rowsOf(to, 'SELECT id FROM wxuser')).toEqual([]);
    const alters = String(refused)
      .split('\n')
      .filter((line) => line.startsWith('  ALTER'));
    expect(alters).toHaveLength(OWN.length);
    await execute(to, ...alters);
    expect(await copy(from, to)).toMatchObject({ users: 2, written: 2 });
    expect(await rowsOf(to, query)).toEqual(await rowsOf(from, query));
    expect(await copy(from, to)).toMatchObject({ written: 0 });
    await execute(from, 'UPDATE wxuser SET vip = vip + 1, weight = 1.1 WHERE vip > 0');
    expect(await copy(from, to)).toMatchObject({ written: 1 });
    expect(await rowsOf(to, query)).toEqual(await rowsOf(from, query));
  });

  test('come to SQLite and back, too, or stay behind if that is said', async () => {
    const [from, file, back] = [await made(freshMysql), await made(freshSqlite), await made(freshMysql)];
    await execute(from, user(SNOWFLAKE), ...add, set, user(7));
    const refused = await copy(from, file).catch((error: Error) => error.message);
    expect(refused).toMatch(/ALTER TABLE wxuser ADD COLUMN "odd name\.x" TEXT NULL;\n/);
    await expect(copy(from, file, 'vip', 'nobody')).rejects.toThrow(
      /--leave-out nobody: the source has no column/,
    );
    await expect(copy(from, file, 'phone')).rejects.toThrow(/--leave-out phone/); // ours
    expect(await rowsOf(file, 'SELECT id FROM wxuser')).toEqual([]);
    const alters = String(refused)
      .split('\n')
      .filter((line) => line.startsWith('  ALTER'));
    await execute(file, ...alters);
    await copy(from, file);
    await execute(back, ...add);
    await copy(file, back);
    expect(await rowsOf(back, query)).toEqual(await rowsOf(from, query));
    const bare = await made(freshSqlite);
    expect(await copy(from, bare, ...names)).toMatchObject({ users: 2 });
  });

  test('that are computed are the target’s own work; one that no program reads is named', async () => {
    const [from, to] = [await made(freshMysql), await made(freshMysql)];
    await execute(from, user(1), 'ALTER TABLE wxuser ADD COLUMN twice BIGINT AS (gender * 2) VIRTUAL');
    expect(await copy(from, to)).toMatchObject({ users: 1 });
    await execute(from, 'ALTER TABLE wxuser ADD COLUMN place POINT');
    await expect(copy(from, to)).rejects.toThrow(
      /of your own: place\.\nLeave behind what .* --leave-out place$/,
    );
    expect(await copy(from, to, 'PLACE')).toMatchObject({ users: 1 });
  });

  test('of a value that its own column does not take are named', async () => {
    const [from, to] = [await made(freshMysql), await made(freshMysql)];
    const size = "ALTER TABLE wxuser ADD COLUMN size ENUM('small','large')";
    // What a server that is not strict made of a value that the ENUM has not.
    await execute(from, user(1), size, "SET sql_mode = ''", "UPDATE wxuser SET size = 'huge'");
    await execute(to, size);
    await expect(copy(from, to)).rejects.toThrow(
      /^wxuser: the target refuses a row \(WARN_DATA_TRUNCATED, column size\)/,
    );
  });

  test('of another table of ours, too', async () => {
    const [from, to] = [await made(freshSqlite), await made(freshSqlite)];
    await execute(from, 'ALTER TABLE wxsession ADD COLUMN city TEXT');
    await expect(copy(from, to)).rejects.toThrow(/^Nothing was copied:\nwxsession: .* of your own: city\./);
  });
});

describe('nothing is written', () => {
  test('where the source is not there, is empty, or is not up to date', async () => {
    const folder = mkdtempSync(join(inject('folder'), 'copy-'));
    await expect(copy(`sqlite:${folder}/no/users.db`, `sqlite:${folder}/new.db`)).rejects.toThrow(
      /^There is no database at .*\/no\/users\.db/,
    );
    expect(readdirSync(folder)).toEqual([]);
    const bare = await freshSqlite();
    await execute(bare.url, 'CREATE TABLE other (id INTEGER)');
    await expect(copy(bare.url, `sqlite:${folder}/new.db`)).rejects.toThrow(
      /^The database has no table wxuser/,
    );
    const old = await made(freshSqlite);
    await execute(
      old,
      'DROP INDEX wxuser_unionid',
      "DELETE FROM weapp_login_migration WHERE name = '001-wxuser'",
    );
    await expect(copy(old, `sqlite:${folder}/new.db`)).rejects.toThrow(
      /--from are not up to date \(index wxuser/,
    );
    expect(readdirSync(folder)).toEqual([]);
  });

  test.skipIf(!mysqlUrl)('into a tutorial’s table that is to be adopted first', async () => {
    const [from, to] = [await made(freshSqlite), await freshMysql()];
    onTestFinished(to.drop);
    await execute(to.url, 'CREATE TABLE wxuser (id INT PRIMARY KEY, user_id VARCHAR(64))');
    await expect(copy(from, to.url)).rejects.toThrow(/--to are not up to date \(adopt/);
    await expect(copy(to.url, from)).rejects.toThrow(/--from are not up to date \(adopt/);
    expect(await rowsOf(to.url, 'SHOW COLUMNS FROM wxuser')).toHaveLength(2);
  });

  test('where both sides are one database', async () => {
    const url = await made(freshSqlite);
    const file = url.slice('sqlite:'.length);
    symlinkSync(file, `${file}.link`);
    linkSync(file, `${file}.hard`);
    for (const other of [file, `${file}.link`, `${file}.hard`])
      await expect(copy(url, `sqlite:${other}`)).rejects.toThrow('--from and --to are the same database');
  });

  test.skipIf(!mysqlUrl)('where both sides are one database, by another name of its server', async () => {
    const url = await made(freshMysql);
    const other = url.replace('127.0.0.1', 'localhost');
    expect(other).not.toBe(url);
    await expect(copy(url, other)).rejects.toThrow('--from and --to are the same database');
    expect(await copy(url, await made(freshMysql))).toMatchObject({ users: 0 });
  });

  test.each(engines)('where the target has users whom the source has not, on $name', async ({ fresh }) => {
    const [from, to] = [await made(fresh), await made(fresh)];
    await execute(from, user(1), user(SNOWFLAKE));
    // The same id, or the same number when it is rounded, is another user here.
    await execute(
      to,
      "INSERT INTO wxuser (id, user_id, nickName) VALUES (1, 'oOther', 'theirs')",
      user(SNOWFLAKE + 1n),
    );
    const before = await rowsOf(to, 'SELECT * FROM wxuser');
    await expect(copy(from, to)).rejects.toThrow(
      /wxuser: the target has 2 users whom the source has not, such as id 1, 1583264823746281473\./,
    );
    expect(await rowsOf(to, 'SELECT * FROM wxuser')).toEqual(before);
    const empty = await made(fresh);
    await expect(copy(empty, to)).rejects.toThrow(/the target has 2 users/); // the wrong way round
  });

  test.skipIf(!mysqlUrl)('where the target cannot hold an id', async () => {
    const [from, file, narrow] = [await made(freshMysql), await made(freshSqlite), await made(freshMysql)];
    await execute(from, user(2n ** 63n));
    await expect(copy(from, file)).rejects.toThrow(
      'wxuser: the source has ids up to 9223372036854775808, the target can hold ids up to 9223372036854775807',
    );
    await execute(narrow, 'ALTER TABLE wxuser MODIFY id INT NOT NULL AUTO_INCREMENT');
    await expect(copy(from, narrow)).rejects.toThrow(/can hold ids up to 2147483647/);
  });
});

describe.each(engines)('ids beyond 2^53 on $name', ({ fresh }) => {
  test('are copied in their order, neighbours too, across the parts in which they come', async () => {
    const [from, to] = [await made(freshSqlite), await made(fresh)];
    const ids = [
      1n,
      2n ** 53n - 1n,
      ...Array.from({ length: 2001 }, (_, i) => 2n ** 53n + BigInt(i)),
      2n ** 63n - 1n,
    ];
    const values = ids.map((id) => sql`(${id}, ${`o${id}`})`);
    await execute(from, sql`INSERT INTO wxuser (id, user_id) VALUES ${sql.join(values)}`);
    expect(await copy(from, to)).toMatchObject({ users: ids.length, written: ids.length });
    const there = await rowsOf<{ id: number | string; user_id: string }>(
      to,
      'SELECT id, user_id FROM wxuser ORDER BY id',
    );
    expect(there.map(({ id }) => BigInt(id))).toEqual(ids);
    expect(there.filter(({ id, user_id }) => user_id !== `o${id}`)).toEqual([]);
    expect(await copy(from, to)).toMatchObject({ written: 0 });
  });
});

test.skipIf(!mysqlUrl)(
  'what an adopted table holds in another form is brought into ours; what does not fit is said',
  async () => {
    const [from, to] = [await made(freshMysql), await made(freshMysql)];
    await execute(
      from,
      'ALTER TABLE wxuser MODIFY created_at DATETIME NULL, MODIFY gender VARCHAR(9) NULL, MODIFY nickName TEXT CHARACTER SET utf8mb4',
      user(1, "created_at='2020-01-02 03:04:05'"),
      "UPDATE wxuser SET gender = '2'",
      user(2, 'gender=NULL'),
    );
    expect(await copy(from, to)).toMatchObject({ users: 2, written: 2 });
    expect(await rowsOf(to, 'SELECT gender, created_at FROM wxuser ORDER BY id')).toEqual([
      { gender: 2, created_at: '2020-01-02 03:04:05.000' },
      { gender: null, created_at: null },
    ]);
    expect(await copy(from, to)).toMatchObject({ written: 0 });
    await execute(from, user(3, `nickName='${'a secret name '.repeat(9)}'`));
    const refused = await copy(from, to).catch((error: Error) => error.message);
    expect(refused).toMatch(/^wxuser: the target refuses a row \(ER_DATA_TOO_LONG, column nickName\)/);
    expect(refused).not.toContain('secret');
  },
);

test.each(engines)(
  'what the target turns into something else is said by row and column, on $name',
  async ({ name, fresh }) => {
    const [from, to] = [await made(fresh), await made(fresh)];
    await execute(from, user(1), user(SNOWFLAKE, "nickName='张三'"));
    await execute(
      to,
      name === 'SQLite'
        ? "CREATE TRIGGER other AFTER INSERT ON wxuser WHEN NEW.nickName <> 'x' BEGIN UPDATE wxuser SET nickName = 'x' WHERE id = NEW.id; END"
        : "CREATE TRIGGER other BEFORE INSERT ON wxuser FOR EACH ROW SET NEW.nickName = IF(NEW.nickName IS NULL, NULL, 'x')",
    );
    await expect(copy(from, to)).rejects.toThrow(
      'wxuser differs in the end: nickName of a row (id 1583264823746281472).',
    );
  },
);

test.skipIf(!mysqlUrl)('rows without an openid, and openids that are none, are named', async () => {
  const [from, file, to] = [await made(freshMysql), await made(freshSqlite), await made(freshMysql)];
  await execute(from, 'INSERT INTO wxuser (id) VALUES (4)');
  await expect(copy(from, file)).rejects.toThrow(
    /^Nothing was copied:\nwxuser: 1 rows have no openid \(user_id is NULL\)/,
  );
  expect(await copy(from, to)).toMatchObject({ users: 1 });
  await execute(
    from,
    'ALTER TABLE wxuser MODIFY user_id VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL',
    "INSERT INTO wxuser (user_id) VALUES ('测试')",
  );
  await expect(copy(from, to)).rejects.toThrow(
    /^wxuser: the target refuses a row \(ER_\w+, column user_id\)/,
  );
});
