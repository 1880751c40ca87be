import { sql } from 'kysely';
import type { UserId } from '../../user-id.ts';
import { idParam } from '../id-param.ts';
import { type Column, describeTable, type Table } from '../mysql-table.ts';
import type { Db } from '../schema.ts';
import type { Step } from '../steps.ts';

type Row = Record<string, unknown>;

/** How many users have more than one row, and how many rows that is. Openids are compared as their key will do it. */
export async function countDuplicates(db: Db, table: Table): Promise<{ users: number; rows: number }> {
  const app = table.columns.has('appid') ? sql`appid, ` : sql``;
  const { rows } = await sql<{ users: number; n: number | null }>`
    SELECT COUNT(*) AS users, SUM(n) AS n FROM (
      SELECT COUNT(*) AS n FROM wxuser WHERE user_id IS NOT NULL GROUP BY ${app}CONVERT(user_id USING utf8mb4) COLLATE utf8mb4_bin HAVING COUNT(*) > 1
    ) AS duplicates`.execute(db);
  return { users: Number(rows[0]?.users ?? 0), rows: Number(rows[0]?.n ?? 0) };
}

/** Where the rows of merged users are kept as they were: one JSON object per row. */
export function createMergedTable(db: Db): Step {
  return {
    what: 'create the table wxuser_merged, which keeps every row that is merged as it was',
    run: () =>
      sql`CREATE TABLE wxuser_merged (
        id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
        merged_into BIGINT UNSIGNED NOT NULL,
        merged_at DATETIME(3) NOT NULL,
        row_json MEDIUMTEXT CHARACTER SET utf8mb4 NOT NULL
      )`.execute(db),
  };
}

/** Merges the duplicates that select-then-insert made: the newest values win, the lowest id stays. */
export function mergeDuplicates(db: Db, users: number, rows: number): Step {
  return {
    what: `merge ${rows} rows of ${users} users into one row each`,
    async run() {
      const columns = await columnsOfUsers(db);
      for (;;) {
        const groups = await sql<{ appid: string; openid: string }>`
          SELECT appid, user_id AS openid FROM wxuser WHERE user_id IS NOT NULL
          GROUP BY appid, user_id HAVING COUNT(*) > 1 LIMIT 1000`.execute(db);
        if (groups.rows.length === 0) return;
        for (const { appid, openid } of groups.rows) await mergeUser(db, columns, [appid], openid, appid);
      }
    },
  };
}

/** An invisible column is in no `*`. */
export async function columnsOfUsers(db: Db): Promise<readonly Column[]> {
  return [...((await describeTable(db, 'wxuser'))?.columns.values() ?? [])];
}

/** Makes one row, with `appid`, of a user's rows under any of `appids`; all or nothing. */
export async function mergeUser(
  db: Db,
  columns: readonly Column[],
  appids: readonly string[],
  openid: string,
  appid: string,
): Promise<void> {
  await db.transaction().execute(async (transaction) => {
    const all = sql.join(columns.map(({ name }) => sql.id(name)));
    // The id by itself, since the table may call it ID.
    const { rows: found } = await sql<Row & { mergeId: UserId }>`
      SELECT ${all}, id AS mergeId FROM wxuser
      WHERE appid IN (${sql.join(appids)}) AND user_id = ${openid} ORDER BY id FOR UPDATE`.execute(
      transaction,
    );
    const [kept, ...others] = found.map(({ mergeId }) => mergeId);
    if (kept === undefined || others.length === 0) return;
    for (const { mergeId: _, ...row } of found) {
      await sql`INSERT INTO wxuser_merged (merged_into, merged_at, row_json)
        VALUES (${idParam(kept)}, UTC_TIMESTAMP(3), ${JSON.stringify(row, readable)})`.execute(transaction);
    }
    // The values stay in the server: a FLOAT or a JSON would come back otherwise.
    const sources = columns
      .filter(({ name, generated }) => !generated && !/^(?:id|appid)$/i.test(name))
      .map(({ name }) => name);
    const from = sources.map((name) => sourceOf(name, found) ?? kept);
    await keepValues(transaction, sources, from);
    await sql`DELETE FROM wxuser WHERE id IN (${sql.join(others.map(idParam))})`.execute(transaction);
    const values = sources.map((name, i) => sql`${sql.id(name)} = ${variable(i)}`);
    await sql`UPDATE wxuser SET ${sql.join([sql`appid = ${appid}`, ...values])} WHERE id = ${idParam(kept)}`.execute(
      transaction,
    );
  });
}

const variable = (i: number) => sql.raw(`@weapp_login_merge_${i}`);

/** Reads each column of its row into a variable of the session. */
async function keepValues(db: Db, columns: readonly string[], from: readonly UserId[]): Promise<void> {
  const reads = columns.map((name, i) => {
    const id = from[i];
    return id === undefined ? sql`NULL` : sql`(SELECT ${sql.id(name)} FROM wxuser WHERE id = ${idParam(id)})`;
  });
  await sql`SELECT ${sql.join(reads)} INTO ${sql.join(columns.map((_, i) => variable(i)))}`.execute(db);
}

/**
 * The row whose value of a column stays: the last that says something. The time of making is the oldest row's; a ban
 * stays, and no generation of sessions comes back.
 */
function sourceOf(column: string, rows: readonly (Row & { mergeId: UserId })[]): UserId | undefined {
  const saying = rows.filter((row) => row[column] !== null && row[column] !== '');
  if (/^created_at$/i.test(column)) return saying[0]?.mergeId;
  const banned = /^status$/i.test(column) && saying.find((row) => row[column] === 'banned');
  if (banned) return banned.mergeId;
  if (!/^session_generation$/i.test(column)) return saying.at(-1)?.mergeId;
  return saying.toSorted((a, b) => Number(a[column]) - Number(b[column])).at(-1)?.mergeId;
}

/** A BLOB as base64 text. */
function readable(this: unknown, _key: string, value: unknown): unknown {
  const { type, data } = (value ?? {}) as { type?: unknown; data?: number[] };
  return type === 'Buffer' && data ? Buffer.from(data).toString('base64') : value;
}
