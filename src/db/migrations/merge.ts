import { sql } from 'kysely';
import type { UserId } from '../../user-id.ts';
import { idParam } from '../id-param.ts';
import type { Table } from '../mysql-table.ts';
import type { Db } from '../schema.ts';
import type { Step } from '../steps.ts';

type Row = Record<string, unknown>;

/** How many users have more than one row, and how many rows that is. Openids are compared byte by byte. */
export async function countDuplicates(db: Db, table: Table): Promise<{ users: number; rows: number }> {
  const app = table.columns.has('appid') ? sql`appid, ` : sql``;
  const { rows } = await sql<{ users: number; n: number | null }>`
    SELECT COUNT(*) AS users, SUM(n) AS n FROM (
      SELECT COUNT(*) AS n FROM wxuser WHERE user_id IS NOT NULL GROUP BY ${app}BINARY user_id HAVING COUNT(*) > 1
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
      for (;;) {
        const groups = await sql<{ appid: string; openid: string }>`
          SELECT appid, user_id AS openid FROM wxuser WHERE user_id IS NOT NULL
          GROUP BY appid, user_id HAVING COUNT(*) > 1 LIMIT 1000`.execute(db);
        if (groups.rows.length === 0) return;
        for (const { appid, openid } of groups.rows) await mergeUser(db, [appid], openid, appid);
      }
    },
  };
}

/** Makes one row, with `appid`, of a user's rows under any of `appids`; all or nothing. */
export async function mergeUser(
  db: Db,
  appids: readonly string[],
  openid: string,
  appid: string,
): Promise<void> {
  await db.transaction().execute(async (transaction) => {
    // The id by itself, since the table may call it ID.
    const { rows: found } = await sql<Row & { mergeId: UserId }>`
      SELECT wxuser.*, id AS mergeId FROM wxuser
      WHERE appid IN (${sql.join(appids)}) AND user_id = ${openid} ORDER BY id FOR UPDATE`.execute(
      transaction,
    );
    const [kept, ...others] = found.map(({ mergeId }) => mergeId);
    const rows = found.map(({ mergeId: _, ...row }) => row);
    if (kept === undefined || others.length === 0) return;
    for (const row of rows) {
      await sql`INSERT INTO wxuser_merged (merged_into, merged_at, row_json)
        VALUES (${idParam(kept)}, UTC_TIMESTAMP(3), ${JSON.stringify(row, readable)})`.execute(transaction);
    }
    await sql`DELETE FROM wxuser WHERE id IN (${sql.join(others.map(idParam))})`.execute(transaction);
    const values = Object.entries({ ...newest(rows), appid }).map(
      ([name, value]) => sql`${sql.ref(name)} = ${value}`,
    );
    await sql`UPDATE wxuser SET ${sql.join(values)} WHERE id = ${idParam(kept)}`.execute(transaction);
  });
}

/**
 * Column by column the last value that says something. The id and the time of making are the oldest row's; no generation
 * of sessions comes back.
 */
function newest(rows: readonly Row[]): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const row of rows) {
    for (const [name, value] of Object.entries(row)) {
      if (
        value !== null &&
        value !== '' &&
        name.toLowerCase() !== 'id' &&
        !(name === 'created_at' && name in values)
      ) {
        values[name] =
          name === 'session_generation' ? Math.max(Number(value), Number(values[name] ?? 0)) : value;
      }
    }
  }
  return values;
}

/** A BLOB as base64 text. */
function readable(this: unknown, _key: string, value: unknown): unknown {
  const { type, data } = (value ?? {}) as { type?: unknown; data?: number[] };
  return type === 'Buffer' && data ? Buffer.from(data).toString('base64') : value;
}
