import { type InsertQueryBuilder, type InsertResult, sql } from 'kysely';
import type { Engine, Tables } from './schema.ts';

/** An INSERT that leaves a row with the same key alone, and tells so: it then inserted 0 rows. */
export function unlessThere<Table extends keyof Tables & string>(
  engine: Engine,
  insert: InsertQueryBuilder<Tables, Table, InsertResult>,
  key: readonly [string, ...string[]],
): InsertQueryBuilder<Tables, Table, InsertResult> {
  if (engine === 'sqlite') return insert.onConflict((conflict) => conflict.columns(key as never).doNothing());
  const [first] = key; // a change to what it is already: MySQL's way to do nothing
  return insert.onDuplicateKeyUpdate({ [first]: sql.ref(first) } as never);
}
