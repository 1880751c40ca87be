import { sql } from 'kysely';
import { StartError } from '../start-error.ts';
import { COLUMNS } from './columns.ts';
import { columnsOf, type Side, type StoredColumn } from './copy-columns.ts';
import type { CopiedTable } from './copy-rows.ts';
import { isSameSchema, SAME_DATABASE } from './copy-same.ts';
import { idsInTheWay, strangers } from './copy-users.ts';
import type { Engine, Tables } from './schema.ts';

/** What a row of each table is found by. The users first: whose they are decides about all others. */
const KEYS = {
  wxuser: 'id',
  wxsession: 'sid',
  wxsession_revoked: 'sid',
  wxmedia_check: 'trace_id',
  wxcallback_delivery: 'digest',
  wxuser_merged: 'id',
} as const satisfies { readonly [Table in keyof Tables]: keyof Tables[Table] };

export interface CopyPlan {
  readonly tables: readonly CopiedTable[];
  /** The target gets the table wxuser_merged, which is made where a tutorial's table is adopted only. */
  readonly needsMergedTable: boolean;
}

/** What is to be copied. @throws {StartError} with all that is in the way */
export async function planCopy(from: Side, to: Side, leaveOut: readonly string[]): Promise<CopyPlan> {
  if (await isSameSchema(from, to)) throw new StartError(SAME_DATABASE);
  const problems: string[] = [];
  const left = new Set<string>();
  const tables: CopiedTable[] = [];
  let needsMergedTable = false;
  const isLeftOut = (name: string) => {
    const found = leaveOut.find((each) => each.toLowerCase() === name.toLowerCase());
    if (found !== undefined) left.add(found);
    return found !== undefined;
  };
  for (const name of Object.keys(KEYS) as (keyof Tables)[]) {
    const [source, target] = [await columnsOf(from, name), await columnsOf(to, name)];
    // Of our tables this one is not in every database.
    if (name === 'wxuser_merged' && !(await isWanted(from, source, isLeftOut))) continue;
    if (target.length === 0 && to.engine === 'mysql') needsMergedTable = true;
    else if (target.length === 0) {
      problems.push(
        `${name}: the rows that were merged when a tutorial's table was adopted have a place in MySQL only. Leave them behind with --leave-out ${name}`,
      );
      continue;
    }
    const own = source.filter((column) => !isOurs(name, column)).filter((column) => !isLeftOut(column.name));
    const missing = own.filter(
      (column) => column.kind === 'geometry' || !target.some((each) => isSame(each, column)),
    );
    if (missing.length > 0) problems.push(ownColumnsProblem(name, missing, to.engine));
    tables.push({ name, key: KEYS[name], columns: Object.keys(COLUMNS[name]), own });
  }
  for (const each of leaveOut.filter((name) => !left.has(name)))
    problems.push(
      `--leave-out ${each}: the source has no column of your own, and no table that can be left out, of this name`,
    );
  problems.push(...(await idsInTheWay(from, to)), ...(await strangers(from, to)));
  if (problems.length > 0) throw new StartError(`Nothing was copied:\n${problems.join('\n')}`);
  return { tables, needsMergedTable };
}

async function isWanted(
  { db }: Side,
  columns: readonly StoredColumn[],
  isLeftOut: (name: string) => boolean,
): Promise<boolean> {
  if (columns.length === 0 || isLeftOut('wxuser_merged')) return false;
  const { rows } = await sql`SELECT 1 FROM wxuser_merged LIMIT 1`.execute(db);
  return rows.length > 0;
}

function isOurs(table: keyof Tables, { name }: StoredColumn): boolean {
  return Object.keys(COLUMNS[table]).some((ours) => ours.toLowerCase() === name.toLowerCase());
}

function isSame(one: StoredColumn, other: StoredColumn): boolean {
  return one.name.toLowerCase() === other.name.toLowerCase();
}

function ownColumnsProblem(table: string, columns: readonly StoredColumn[], engine: Engine): string {
  const names = columns.map(({ name }) => name);
  const quote = engine === 'mysql' ? '`' : '"';
  const alter = columns
    .filter(({ kind }) => kind !== 'geometry')
    .map(
      ({ name, definition }) =>
        `  ALTER TABLE ${table} ADD COLUMN ${quote}${name.replaceAll(quote, quote + quote)}${quote} ${definition[engine]} NULL;`,
    );
  return [
    `${table}: the target has no place for ${names.length > 1 ? 'columns' : 'a column'} of your own: ${names.join(', ')}.`,
    ...(alter.length > 0 ? ['Make it there, and run this again:', ...alter] : []),
    `${alter.length > 0 ? 'Or leave' : 'Leave'} behind what the target does not need: --leave-out ${names.join(',')}`,
  ].join('\n');
}
