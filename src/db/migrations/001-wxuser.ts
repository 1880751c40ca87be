import { sql } from 'kysely';
import { alterationsOf } from '../adoption/alterations.ts';
import { createTable, UNIONID_KEY, UNIQUE_KEY } from '../adoption/definitions.ts';
import { alterUsers, boundLocks } from '../adoption/statements.ts';
import { zoneSteps } from '../adoption/times.ts';
import { describeTable } from '../mysql-table.ts';
import type { Db, Engine } from '../schema.ts';
import type { Change, Step } from '../steps.ts';
import { countDuplicates, createMergedTable, mergeDuplicates } from './merge.ts';

/**
 * The users: makes the table, or takes over the one that the Express tutorial made, which adoption/ has examined before.
 * @param timezone of the times that are in such a table
 */
export function wxuser(engine: Engine, timezone: string | undefined): Change {
  return { plan: engine === 'mysql' ? (db) => planOnMysql(db, timezone) : planOnSqlite };
}

async function planOnSqlite(db: Db): Promise<Step[]> {
  const tables = await db.introspection.getTables();
  if (!tables.some((table) => table.name === 'wxuser')) {
    return [{ what: 'create the table wxuser', run: () => onSqlite.execute(db) }];
  }
  const indexes = await sql<{
    name: string;
  }>`SELECT name FROM sqlite_master WHERE name = 'wxuser_unionid'`.execute(db);
  if (indexes.rows.length > 0) return [];
  return [
    {
      what: 'index wxuser by unionid',
      run: () => sql`CREATE INDEX wxuser_unionid ON wxuser (unionid)`.execute(db),
    },
  ];
}

const onSqlite = sql`
  CREATE TABLE wxuser (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    appid TEXT NOT NULL DEFAULT '',
    user_id TEXT NOT NULL,
    unionid TEXT,
    nickName TEXT,
    avatar TEXT,
    gender INTEGER DEFAULT 0,
    phone TEXT,
    status TEXT NOT NULL DEFAULT 'active',
    own_nickName INTEGER NOT NULL DEFAULT 0,
    own_avatar INTEGER NOT NULL DEFAULT 0,
    own_gender INTEGER NOT NULL DEFAULT 0,
    session_generation INTEGER NOT NULL DEFAULT 0,
    created_at TEXT,
    updated_at TEXT,
    last_login_at TEXT,
    UNIQUE (appid, user_id)
  )`;

async function planOnMysql(db: Db, timezone: string | undefined): Promise<Step[]> {
  const table = await describeTable(db, 'wxuser');
  const alter = (what: string, clauses: readonly string[]): Step => ({
    what,
    async run() {
      await boundLocks(db);
      await sql.raw(alterUsers(clauses.join(', '))).execute(db);
    },
  });
  if (!table) return [{ what: 'create the table wxuser', run: () => sql.raw(createTable()).execute(db) }];

  const steps = await zoneSteps(db, table, timezone);
  const rows = `about ${table.rows} rows`;
  const clauses = (await alterationsOf(db, table)).map(({ clause }) => clause);
  if (clauses.length > 0)
    steps.push(alter(`adopt the table wxuser (${rows}): ${clauses.join(', ')}`, clauses));

  if (!table.keys.has('wxuser_appid_user_id')) {
    const { users, rows: merged } = await countDuplicates(db, table);
    if (!(await describeTable(db, 'wxuser_merged'))) steps.push(createMergedTable(db));
    if (users > 0) steps.push(mergeDuplicates(db, users, merged));
    steps.push(alter(`make (appid, user_id) unique (${rows})`, [`ADD ${UNIQUE_KEY}`]));
  }
  if (!table.keys.has('wxuser_unionid'))
    steps.push(alter(`index wxuser by unionid (${rows})`, [`ADD ${UNIONID_KEY}`]));
  return steps;
}
