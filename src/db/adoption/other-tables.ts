import { COLUMNS } from '../columns.ts';
import type { Db, Engine, Tables } from '../schema.ts';
import type { Problem } from './problem.ts';

const columnsOf = (table: keyof Tables) => ({ [table]: Object.keys(COLUMNS[table]) });

/** The tables that each migration makes, with their columns. Only MySQL's takes over a wxuser that is there. */
const MADE: Readonly<Record<string, (engine: Engine) => Readonly<Record<string, readonly string[]>>>> = {
  '001-wxuser': (engine) =>
    engine === 'mysql'
      ? { wxuser_merged: ['id', 'merged_into', 'merged_at', 'row_json'] }
      : columnsOf('wxuser'),
  '003-wxsession': () => columnsOf('wxsession'),
  '004-wxsession-revoked': () => columnsOf('wxsession_revoked'),
  '005-wxmedia-check': () => columnsOf('wxmedia_check'),
  '006-wxcallback-delivery': () => columnsOf('wxcallback_delivery'),
};

/** Tables that somebody else has made with the names of those that the pending migrations make. */
export async function problemsOfOthers(
  db: Db,
  engine: Engine,
  pending: readonly string[],
): Promise<Problem[]> {
  const there = await db.introspection.getTables();
  const made = pending.flatMap((name) => Object.entries(MADE[name]?.(engine) ?? {}));
  return made.flatMap(([table, columns]) => {
    const found = there.find(({ name }) => name === table);
    const missing = columns.filter((column) => !found?.columns.some(({ name }) => name === column));
    if (!found || missing.length === 0) return [];
    return [
      {
        what: `the table ${table}`,
        says: `it has the name of a table of ours, and no ${missing.join(', ')}`,
        helps: [`ALTER TABLE ${table} RENAME TO ${table}_old`],
      },
    ];
  });
}
