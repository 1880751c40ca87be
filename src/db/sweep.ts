import { sql } from 'kysely';
import { type Db, toColumn } from './schema.ts';

/** Every so many new rows sweep so many expired ones away. */
const SWEEP_EVERY = 20;
const SWEEP = 500;

/** Makes a broom for a table whose rows have an `expires_at`: called with every new row, it sweeps now and then. */
export function sweeper(
  db: Db,
  table: 'wxsession' | 'wxsession_revoked',
  now: () => Date,
): () => Promise<void> {
  let rows = 0;
  return async () => {
    if (rows++ % SWEEP_EVERY !== 0) return;
    // MySQL takes no LIMIT inside IN, but inside a table of its own.
    await sql`DELETE FROM ${sql.table(table)} WHERE sid IN (SELECT sid FROM (
      SELECT sid FROM ${sql.table(table)} WHERE expires_at <= ${toColumn(now())} ORDER BY expires_at LIMIT ${sql.lit(SWEEP)}
    ) AS expired)`.execute(db);
  };
}
