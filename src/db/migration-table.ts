import { sql } from 'kysely';
import { StartError } from '../start-error.ts';
import { databaseFailure, lacksRight } from './failures.ts';
import type { Db } from './schema.ts';

/** Where kysely's migrator keeps which migrations were made. */
export const MIGRATION_TABLE = 'weapp_login_migration';
export const MIGRATION_LOCK_TABLE = `${MIGRATION_TABLE}_lock`;

/**
 * `007-name`: what it changes is nothing to a program from before it. `007-name.needs-005`: only a program that knows
 * 005 works with what it leaves.
 */
const NAME = /^(?:\d{3})-[a-z0-9-]+(?:\.needs-(?<needed>\d{3}))?$/;

/**
 * The migrations of a newer version that a database has, and that this one works with.
 * @param known the names of ours
 * @throws {StartError} where it does not, or where the table that tells is damaged
 */
export async function newerMigrations(db: Db, known: readonly string[]): Promise<string[]> {
  const newer = (await executedMigrations(db)).filter((name) => !known.includes(name));
  const refused = newer.filter((name) => !worksWith(name, known));
  if (refused.length > 0)
    throw new StartError(
      `The database was used by a newer weapp-login: it has ${listed(refused)}, which this version does not know and cannot work with. ` +
        'Install that version again (CHANGELOG.md names the migrations of each), or restore the backup from before the upgrade.',
    );
  return newer;
}

/** For what must know every column, such as a copy. @throws {StartError} */
export function refuseNewer(newer: readonly string[]): void {
  if (newer.length === 0) return;
  throw new StartError(
    `The database was used by a newer weapp-login: it has ${listed(newer)}, whose data this version would leave behind. ` +
      'Do this with that version (CHANGELOG.md names the migrations of each).',
  );
}

/** What kysely's migrator met at its own tables. If they are gone, the changes find out by themselves what is to be done. */
export function damagedTable(error: unknown): StartError {
  return new StartError(
    `The table ${MIGRATION_TABLE} or ${MIGRATION_LOCK_TABLE} is damaged (${(error as Error).message}). ` +
      'Stop every instance, drop both, and start again: they are made again, and no other table is changed by that.',
  );
}

export function saysNewer(newer: readonly string[]): string {
  return `the database was used by a newer version: it has ${listed(newer)}, with which this version works`;
}

/**
 * Makes kysely's two tables for MySQL, where they are missing: it would make them in the database's charset, and a key
 * over 255 characters of utf8mb4 is too long for MySQL 5.6.
 */
export async function createMigrationTables(db: Db): Promise<void> {
  const there = await tableNames(db);
  const text = sql`VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL`;
  if (!there.has(MIGRATION_TABLE))
    await sql`CREATE TABLE IF NOT EXISTS ${sql.table(MIGRATION_TABLE)} (name ${text} PRIMARY KEY, timestamp ${text})`.execute(
      db,
    );
  if (!there.has(MIGRATION_LOCK_TABLE))
    await sql`CREATE TABLE IF NOT EXISTS ${sql.table(MIGRATION_LOCK_TABLE)} (id ${text} PRIMARY KEY, is_locked INT NOT NULL DEFAULT 0)`.execute(
      db,
    );
}

async function executedMigrations(db: Db): Promise<string[]> {
  const there = await tableNames(db);
  try {
    if (there.has(MIGRATION_LOCK_TABLE)) await read(db, MIGRATION_LOCK_TABLE, ['id', 'is_locked']);
    if (!there.has(MIGRATION_TABLE)) return [];
    return (await read(db, MIGRATION_TABLE, ['name', 'timestamp'])).map(({ name }) => String(name));
  } catch (error) {
    throw databaseFailure(error) || lacksRight(error) ? error : damagedTable(error);
  }
}

async function read(db: Db, table: string, columns: readonly string[]): Promise<Record<string, unknown>[]> {
  const named = columns.map((column) => sql`${sql.id(column)} AS ${sql.id(column)}`);
  const query = sql<Record<string, unknown>>`SELECT ${sql.join(named)} FROM ${sql.table(table)}`;
  return (await query.execute(db)).rows;
}

async function tableNames(db: Db): Promise<ReadonlySet<string>> {
  const tables = await db.introspection.getTables({ withInternalKyselyTables: true });
  return new Set(tables.map(({ name }) => name));
}

function worksWith(name: string, known: readonly string[]): boolean {
  const parts = NAME.exec(name);
  if (!parts) return false;
  const needed = parts.groups?.['needed'];
  return needed === undefined || known.some((ours) => ours.slice(0, 3) >= needed);
}

function listed(names: readonly string[]): string {
  return `the migration${names.length === 1 ? '' : 's'} ${names.join(', ')}`;
}
