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
  const problems: Problem[] = [];
  const notes: string[] = [];
  for (const key of await foreignKeysOf(db, 'wxuser')) {
    const own = key.table === 'wxuser';
    const ends = [
      ...(own ? [key.column] : []),
      ...(key.referencedTable === 'wxuser' ? [key.referencedColumn] : []),
    ];
    const column = ends.find((end) => altered.has(end.toLowerCase()));
    if (column !== undefined)
      problems.push(
        problemOf(key, `${column} must be altered, which the server refuses while it is in a foreign key`),
      );
    else if (!own && duplicates > 0)
      problems.push(
        problemOf(
          key,
          `${duplicates} rows have the openid of another and are merged with it, and rows of ${key.table} are on them`,
        ),
      );
    else if (own && !(await defaultIsThere(db, key)))
      problems.push(
        problemOf(key, `its default is not in ${key.referencedTable}, so every new user would be refused`),
      );
    else if (!own && /^(?:RESTRICT|NO ACTION)$/i.test(key.onDelete))
      notes.push(
        `a user of whom ${key.table} has rows cannot be erased: its foreign key ${key.name} is ON DELETE ${key.onDelete}`,
      );
  }
  return { problems, notes };
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
  const value = defaults[0]?.value?.replace(/^'(.*)'$/, '$1') ?? 'NULL';
  if (value === 'NULL') return true;
  const { rows } = await sql`
    SELECT 1 FROM ${sql.table(referencedTable)} WHERE ${sql.id(referencedColumn)} = ${value} LIMIT 1`.execute(
    db,
  );
  return rows.length > 0;
}
