import { sql } from 'kysely';
import { type ForeignKey, foreignKeysOf, triggersOf } from '../mysql-constraints.ts';
import { quoted, type Table } from '../mysql-table.ts';
import type { Db } from '../schema.ts';
import type { Alteration } from './alterations.ts';
import type { Findings, Problem } from './problem.ts';
import { alterUsers } from './statements.ts';

const ENGINES = /^(?:InnoDB|MyISAM|Aria|MEMORY|TokuDB|RocksDB|ndbcluster)$/i;

/** What a table is, beside its columns and keys. */
export function problemsOfTable({ engine, partitioned }: Table): Problem[] {
  const problems: Problem[] = [];
  if (!ENGINES.test(engine))
    problems.push({
      what: `ENGINE=${engine}`,
      says: 'a login needs transactions and keys',
      helps: [alterUsers('ENGINE=InnoDB')],
    });
  if (partitioned)
    problems.push({
      what: 'PARTITION BY',
      says: 'a table with partitions takes no unique key on appid and user_id',
      helps: [alterUsers('REMOVE PARTITIONING')],
    });
  return problems;
}

/** A trigger would run for every row whose appid is set. */
export async function problemsOfTriggers(db: Db): Promise<Problem[]> {
  const triggers = await triggersOf(db, 'wxuser');
  return triggers.map(({ name, when }) => ({
    what: `TRIGGER ${name} (${when})`,
    says:
      'it would run for every row that is taken over, and may change it. ' +
      'Keep what SHOW CREATE TRIGGER says, and create it again after the first start',
    helps: [`DROP TRIGGER ${quoted(name)}`],
  }));
}

/** Foreign keys from and to the table: those in the way of what will be altered or merged, and those to know of. */
export async function findingsOfForeignKeys(
  db: Db,
  alterations: readonly Alteration[],
  duplicates: number,
): Promise<Findings> {
  const altered = new Set(alterations.flatMap(({ column }) => column ?? []));
  // A key of several columns is found with each of them.
  const problems = new Map<string, Problem>();
  const notes = new Set<string>();
  const add = (key: ForeignKey, says: string) => {
    const name = `${key.table} ${key.name}`;
    if (!problems.has(name)) problems.set(name, problemOf(key, says));
  };
  for (const key of await foreignKeysOf(db, 'wxuser')) {
    const own = key.table === 'wxuser';
    const onUsers = key.referencedTable === 'wxuser';
    const ends = [...(own ? [key.column] : []), ...(onUsers ? [key.referencedColumn] : [])];
    const column = ends.find((end) => altered.has(end.toLowerCase()));
    if (column !== undefined)
      add(key, `${column} must be altered, which the server refuses while it is in a foreign key`);
    else if (onUsers && duplicates > 0)
      add(
        key,
        `${duplicates} rows have the openid of another and are merged with it, and rows of ${key.table} are on them`,
      );
    else if (own && !(await defaultIsThere(db, key)))
      add(key, `its default is not in ${key.referencedTable}, so every new user would be refused`);
    else if (onUsers && /^(?:RESTRICT|NO ACTION)$/i.test(key.onDelete))
      notes.add(
        `a user of whom ${key.table} has rows cannot be erased: its foreign key ${key.name} is ON DELETE ${key.onDelete}`,
      );
  }
  return { problems: [...problems.values()], notes: [...notes] };
}

function problemOf(
  { name, table, column, referencedTable, referencedColumn }: ForeignKey,
  says: string,
): Problem {
  const place = table.split('.').map(quoted).join('.');
  return {
    what: `FOREIGN KEY ${name} of ${table} (${column}) on ${referencedTable} (${referencedColumn})`,
    says,
    helps: [`ALTER TABLE ${place} DROP FOREIGN KEY ${quoted(name)}`],
  };
}

/** Whether the row that a new user would point at is there. */
async function defaultIsThere(
  db: Db,
  { column, referencedTable, referencedColumn }: ForeignKey,
): Promise<boolean> {
  const { rows: defaults } = await sql<{ value: string | null }>`
    SELECT COLUMN_DEFAULT AS value FROM information_schema.COLUMNS
    WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'wxuser' AND COLUMN_NAME = ${column}`.execute(db);
  const value = unquotedText(defaults[0]?.value ?? 'NULL');
  if (value === 'NULL') return true;
  const { rows } = await sql`
    SELECT 1 FROM ${sql.table(referencedTable)} WHERE ${sql.id(referencedColumn)} = ${value} LIMIT 1`.execute(
    db,
  );
  return rows.length > 0;
}

/** MariaDB has the default of a text as SQL, MySQL as it is. */
const unquotedText = (value: string) =>
  /^'.*'$/s.test(value) ? value.slice(1, -1).replaceAll("''", "'") : value;
