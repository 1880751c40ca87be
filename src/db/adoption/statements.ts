import { sql } from 'kysely';
import { quoted, type Table } from '../mysql-table.ts';
import type { Db } from '../schema.ts';

/** While an ALTER waits for others who use the table, everybody else waits behind it. */
const LOCK_SECONDS = 5;

/** Lets this connection wait for a table no longer than its users can. */
export async function boundLocks(db: Db): Promise<void> {
  await sql`SET SESSION lock_wait_timeout = ${LOCK_SECONDS}`.execute(db);
}

export const alterUsers = (clauses: string): string => `ALTER TABLE wxuser ${clauses}`;

/** An UPDATE that leaves alone the times of changes, which the server would set to now. */
export function updateUsers({ columns }: Table, set: string, where: string): string {
  const kept = [...columns.values()]
    .filter(({ name, onUpdate }) => onUpdate && !set.includes(`${quoted(name)} = `))
    .map(({ name }) => `, ${quoted(name)} = ${quoted(name)}`);
  return `UPDATE wxuser SET ${set}${kept.join('')} WHERE ${where}`;
}
