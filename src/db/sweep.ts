import { sql } from 'kysely';
import { type Db, toColumn } from './schema.ts';

/** Every so many calls sweep so many expired rows of each away. */
const SWEEP_EVERY = 20;
const SWEEP = 500;

/** Both in either mode: one of them may hold what is left from before a move into Redis, or out of it. */
const TABLES = ['wxsession', 'wxsession_revoked'] as const;

/** Makes a broom for what has expired: called with every login and every end, it sweeps now and then. */
export function sweeper(db: Db, now: () => Date): () => Promise<void> {
  let calls = 0;
  return async () => {
    if (calls++ % SWEEP_EVERY !== 0) return;
    for (const table of TABLES) await sweep(table);
  };

  async function sweep(table: (typeof TABLES)[number]): Promise<void> {
    // MySQL takes no LIMIT inside IN, but inside a table of its own.
    await sql`DELETE FROM ${sql.table(table)} WHERE sid IN (SELECT sid FROM (
      SELECT sid FROM ${sql.table(table)} WHERE expires_at <= ${toColumn(now())} ORDER BY expires_at LIMIT ${sql.lit(SWEEP)}
    ) AS expired)`.execute(db);
  }
}
