import type { Db, Engine, Tables } from '../schema.ts';
import { COLUMNS } from './definitions.ts';
import type { Problem } from './problem.ts';

interface Made {
  readonly table: string;
  readonly columns: readonly string[];
}

type ColumnsOf<Table extends keyof Tables> = { readonly [column in keyof Tables[Table]]: true };

const WXSESSION: ColumnsOf<'wxsession'> = {
  sid: true,
  wxuser_id: true,
  generation: true,
  session_key: true,
  device: true,
  place: true,
  created_at: true,
  last_used_at: true,
  expires_at: true,
};
const WXSESSION_REVOKED: ColumnsOf<'wxsession_revoked'> = { sid: true, wxuser_id: true, expires_at: true };
const WXMEDIA_CHECK: ColumnsOf<'wxmedia_check'> = {
  trace_id: true,
  wxuser_id: true,
  avatar: true,
  suggest: true,
  label: true,
  created_at: true,
};
const WXCALLBACK_DELIVERY: ColumnsOf<'wxcallback_delivery'> = { digest: true, state: true, created_at: true };

/** What each migration makes. Only MySQL's takes over a wxuser that is there. */
const MADE: Readonly<Record<string, (engine: Engine) => readonly Made[]>> = {
  '001-wxuser': (engine) =>
    engine === 'mysql'
      ? [{ table: 'wxuser_merged', columns: ['id', 'merged_into', 'merged_at', 'row_json'] }]
      : [{ table: 'wxuser', columns: ['id', ...Object.keys(COLUMNS)] }],
  '003-wxsession': () => [{ table: 'wxsession', columns: Object.keys(WXSESSION) }],
  '004-wxsession-revoked': () => [{ table: 'wxsession_revoked', columns: Object.keys(WXSESSION_REVOKED) }],
  '005-wxmedia-check': () => [{ table: 'wxmedia_check', columns: Object.keys(WXMEDIA_CHECK) }],
  '006-wxcallback-delivery': () => [
    { table: 'wxcallback_delivery', columns: Object.keys(WXCALLBACK_DELIVERY) },
  ],
};

/** Tables that somebody else has made with the names of those that the pending migrations make. */
export async function problemsOfOthers(
  db: Db,
  engine: Engine,
  pending: readonly string[],
): Promise<Problem[]> {
  const there = await db.introspection.getTables();
  const made = pending.flatMap((name) => MADE[name]?.(engine) ?? []);
  return made.flatMap(({ table, columns }) => {
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
