import { type Connection, createConnection } from 'mysql2/promise';
import { expect, inject, onTestFinished } from 'vitest';
import { TablesError } from '../../src/db/adoption/problem.ts';
import { migrateDatabase } from '../../src/db/open.ts';
import { APPID, realSettings, startApp } from './app.ts';
import { freshMysql } from './engines.ts';
import { json, type StandIn, startStandIn } from './wechat.ts';

export type Row = Readonly<Record<string, unknown>>;

/** The servers on which a tutorial's table is taken over. */
export const adoptionServers = [
  { server: 'MariaDB', url: inject('mysqlUrl') },
  { server: 'MySQL 5.6', url: inject('mysql56Url') },
].filter((each): each is { server: string; url: string } => each.url !== undefined);

/** A database for one table after the other, the way into it of the tutorial's server, and a WeChat. */
export interface Workshop {
  readonly url: string;
  /** In Beijing, and not strict. */
  readonly connection: Connection;
  readonly wechat: StandIn;
  query(sql: string): Promise<Row[]>;
  /** Takes the tables away that a test made, and those of ours that say what is done. */
  clear(): Promise<void>;
  /** What it is refused for; nothing where it was taken over. Nothing is changed where it is refused. */
  takeOver(timezone?: string): Promise<TablesError | undefined>;
  /** What was there is kept, and logins work; takes what was there before it was taken over. */
  works(before: Before, timezone?: string): Promise<void>;
}

export async function openWorkshop(serverUrl: string): Promise<Workshop> {
  const database = await freshMysql(serverUrl);
  const { url } = database;
  const numbers = { supportBigNumbers: true, bigNumberStrings: true };
  const connection = await createConnection({ uri: url, charset: 'utf8mb4', dateStrings: true, ...numbers });
  await connection.query("SET sql_mode = '', time_zone = '+08:00'");
  onTestFinished(async () => {
    await connection.end();
    await database.drop();
  });
  const wechat = await startStandIn();
  const query = async (sql: string) => (await connection.query(sql))[0] as Row[];
  const namesOf = async () => (await query('SHOW TABLES')).map((row) => String(Object.values(row)[0]));

  return {
    url,
    connection,
    wechat,
    query,

    async clear() {
      await connection.query('SET foreign_key_checks = 0');
      for (const name of await namesOf()) {
        // Making tables is what takes the time. One test makes a wxsession of its own.
        const kept = /^(?:wxsession_|wxmedia|wxcallback|weapp)/.test(name);
        if (!kept) await connection.query(`DROP VIEW IF EXISTS \`${name}\``);
        await connection.query(kept ? `DELETE FROM ${name}` : `DROP TABLE IF EXISTS \`${name}\``);
      }
      await connection.query('SET foreign_key_checks = 1');
    },

    async takeOver(timezone) {
      const before = await stateOf();
      const error = await migrateDatabase(url, { appid: APPID, timezone }).then(
        () => undefined,
        (error: unknown) => error,
      );
      if (error === undefined) return undefined;
      if (!(error instanceof TablesError)) throw error;
      expect(await stateOf()).toEqual(before);
      return error;
    },

    async works(before, timezone) {
      await expectKept(connection, before);
      const env = {
        ...realSettings(wechat.url),
        DATABASE_URL: url,
        ...(timezone && { DB_TIMEZONE: timezone }),
      };
      const app = await startApp({ env, database: { url, drop: async () => undefined } });
      try {
        const openid = await expectLogins(app, wechat, before);
        await expectKept(connection, before, openid);
      } finally {
        await app.close();
      }
    },
  };

  /** Every table as it is defined, and every row. */
  async function stateOf(): Promise<object> {
    const state: Record<string, unknown> = {};
    for (const name of await namesOf())
      state[name] = [await query(`SHOW CREATE TABLE \`${name}\``), await query(`SELECT * FROM \`${name}\``)];
    return state;
  }
}

/** What stood in wxuser before it was taken over. */
export interface Before {
  readonly columns: readonly string[];
  readonly rows: readonly Row[];
}

export async function readBefore(connection: Connection): Promise<Before> {
  const [columns] = await connection.query(
    "SELECT COLUMN_NAME AS name FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'wxuser'",
  );
  const names = (columns as Row[]).map(({ name }) => String(name));
  return { columns: names, rows: await readRows(connection, names) };
}

async function readRows(connection: Connection, columns: readonly string[]): Promise<Row[]> {
  const names = columns.map((name) => `\`${name}\``).join(', ');
  return (await connection.query(`SELECT ${names} FROM wxuser`))[0] as Row[];
}

const NEW = ['oNew1aaaaaaaaaaaaaaaaaaaaaaa', 'oNew2aaaaaaaaaaaaaaaaaaaaaaa'];
const bare = (openid: unknown) => String(openid).trimEnd();
const cellOf = (row: Row, name: string) =>
  Object.entries(row).find(([column]) => column.toLowerCase() === name.toLowerCase())?.[1];

/**
 * Every row is as it was in every column that it had, and those of one openid are one row and kept as they were.
 * @param but who has logged in since
 */
async function expectKept(connection: Connection, before: Before, but?: string): Promise<void> {
  const openids = before.rows
    .map((row) => cellOf(row, 'user_id'))
    .filter((openid) => openid !== null)
    .map(bare);
  const twice = new Set(openids.filter((openid, i) => openids.indexOf(openid) !== i));
  const isSingle = (row: Row) => {
    const openid = cellOf(row, 'user_id');
    return openid === null || ![...twice, ...NEW, but].includes(bare(openid));
  };
  // The appid of a row that had none is given to it.
  const columns = before.columns.filter((name) => name.toLowerCase() !== 'appid');
  const read = (row: Row) =>
    JSON.stringify(
      columns.map((name) => row[name]),
      (_key, value) => (typeof value === 'number' ? String(value) : value),
    );
  const after = await readRows(connection, columns);
  expect(after.filter(isSingle).map(read).sort()).toEqual(before.rows.filter(isSingle).map(read).sort());
  if (twice.size === 0) return;
  const [merged] = await connection.query('SELECT COUNT(*) AS n FROM wxuser_merged');
  expect(Number((merged as Row[])[0]?.['n'])).toBe(openids.filter((openid) => twice.has(openid)).length);
}

/** One who was there, and two new users, log in twice, and are answered what is stored. */
async function expectLogins(
  app: Awaited<ReturnType<typeof startApp>>,
  wechat: StandIn,
  before: Before,
): Promise<string | undefined> {
  const openids = before.rows.map((row) => bare(cellOf(row, 'user_id')));
  const known = before.rows.find(
    (row, i) =>
      /^o\w{27}$/.test(openids[i] ?? '') &&
      openids.indexOf(openids[i] ?? '') === openids.lastIndexOf(openids[i] ?? '') &&
      cellOf(row, 'status') !== 'banned',
  );
  const there = known && bare(cellOf(known, 'user_id'));
  const avatarUrl = `https://a.example/${'x'.repeat(200)}`;
  const rawData = { nickName: '😀'.repeat(64), avatarUrl, gender: 2 };
  for (const openid of [...(there ? [there] : []), ...NEW]) {
    wechat.answer(json({ session_key: 'tiihtNczf5v6AKRyjwEUhQ==', openid, unionid: 'oUnionOfAll' }));
    const first = await app.call('POST', '/api/wxuser', { code: 'c' });
    const said = JSON.stringify(app.log.at(-1));
    expect(first.body, said).toMatchObject({ status: 200, isNew: openid !== there });
    if (known && openid === there) {
      const [id, gender] = [cellOf(known, 'id'), cellOf(known, 'gender')];
      if (id !== undefined) expect(Number(first.body.user.id)).toBe(Number(id));
      if (gender !== undefined) expect(first.body.user.gender).toBe(Number(gender ?? 0));
    }
    const second = await app.call('POST', '/api/wxuser', { code: 'c', rawData });
    const stored = { nickName: rawData.nickName, avatar: avatarUrl, gender: 2 };
    expect(second.body, said).toMatchObject({ status: 200, isNew: false, user: stored });
    const headers = { Authorization: second.body.token };
    const changes = { nickName: 'Ada', gender: 1 };
    const put = await app.call('PUT', '/api/wxuser/me', changes, headers);
    expect(put.body).toMatchObject({ status: 200, user: changes });
    const me = await app.call('GET', '/api/wxuser/me', undefined, headers);
    expect(me.body).toMatchObject({ status: 200, user: { ...stored, ...changes } });
  }
  return there;
}
