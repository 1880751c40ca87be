import { sql } from 'kysely';
import { REMEMBERED_MS } from '../wechat/deliveries.ts';
import { type Db, toColumn } from './schema.ts';

/** Every so many calls sweep so many rows of each away. */
const SWEEP_EVERY = 20;
const SWEEP = 500;

const DAY_MS = 86_400_000;

/**
 * The key of each table, and when its rows are over: so long after a time that they have. Of the first two one may hold
 * what is left from before a move into Redis, or out of it.
 */
const SWEPT = [
  { table: 'wxsession', key: 'sid', time: 'expires_at', keptMs: 0 },
  { table: 'wxsession_revoked', key: 'sid', time: 'expires_at', keptMs: 0 },
  { table: 'wxmedia_check', key: 'trace_id', time: 'created_at', keptMs: DAY_MS },
  { table: 'wxcallback_delivery', key: 'digest', time: 'created_at', keptMs: REMEMBERED_MS },
] as const;

/** Makes a broom for what is over: called with every new row, it sweeps now and then. */
export function sweeper(db: Db, now: () => Date): () => Promise<void> {
  let calls = 0;
  return async () => {
    if (calls++ % SWEEP_EVERY !== 0) return;
    for (const each of SWEPT) await sweep(each);
  };

  async function sweep({ table, key, time, keptMs }: (typeof SWEPT)[number]): Promise<void> {
    const over = toColumn(new Date(now().getTime() - keptMs));
    // MySQL takes no LIMIT inside IN, but inside a table of its own.
    await sql`DELETE FROM ${sql.table(table)} WHERE ${sql.ref(key)} IN (SELECT ${sql.ref(key)} FROM (
      SELECT ${sql.ref(key)} FROM ${sql.table(table)} WHERE ${sql.ref(time)} <= ${over}
      ORDER BY ${sql.ref(time)} LIMIT ${sql.lit(SWEEP)}
    ) AS expired)`.execute(db);
  }
}
