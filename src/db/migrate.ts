import { type Migration, Migrator, sql } from 'kysely';
import { StartError } from '../start-error.ts';
import { examineUsers } from './adoption/examine.ts';
import { problemsOfOthers } from './adoption/other-tables.ts';
import { TablesError } from './adoption/problem.ts';
import { checkTables } from './check-tables.ts';
import { databaseFailure, lacksRight, repeating } from './failures.ts';
import {
  createMigrationTables,
  damagedTable,
  MIGRATION_LOCK_TABLE,
  MIGRATION_TABLE,
  newerMigrations,
  saysNewer,
} from './migration-table.ts';
import { wxuser } from './migrations/001-wxuser.ts';
import { koaUser } from './migrations/002-koa-user.ts';
import { wxsession } from './migrations/003-wxsession.ts';
import { wxsessionRevoked } from './migrations/004-wxsession-revoked.ts';
import { wxmediaCheck } from './migrations/005-wxmedia-check.ts';
import { wxcallbackDelivery } from './migrations/006-wxcallback-delivery.ts';
import type { Db, Engine } from './schema.ts';
import { asMigration, type Change, type Report } from './steps.ts';

export interface MigrateOptions {
  readonly report: Report;
  /** The time zone of the times that a tutorial's table has: `+08:00`. */
  readonly timezone?: string | undefined;
}

/** The changes of the tables, in their order. The names are kept in the database: never rename one. */
function changes(engine: Engine, { report, timezone }: MigrateOptions): Record<string, Change> {
  return {
    '001-wxuser': wxuser(engine, timezone),
    '002-koa-user': koaUser(engine, report),
    '003-wxsession': wxsession(engine),
    '004-wxsession-revoked': wxsessionRevoked(engine),
    '005-wxmedia-check': wxmediaCheck(engine),
    '006-wxcallback-delivery': wxcallbackDelivery(engine),
  };
}

/**
 * Brings the tables up to date: does what has not been done yet, in order. Of two instances that start at once, one
 * does it and the other waits (a lock of the database, or in SQLite its one transaction).
 * @returns the names of the changes that were made
 * @throws {AppError} `database_unavailable` when the database cannot be reached
 * @throws {TablesError} before anything is changed, where a table cannot be taken over
 */
export async function migrate(db: Db, engine: Engine, options: MigrateOptions): Promise<string[]> {
  const work = () =>
    engine === 'sqlite' ? locked(db, (own) => run(own, engine, options)) : run(db, engine, options);
  return repeating(work).catch((error: unknown) => {
    throw lacksRight(error) ? missingRight(error) : error;
  });
}

async function run(db: Db, engine: Engine, options: MigrateOptions): Promise<string[]> {
  const newer = await newerOf(db, engine, options.report);
  await examine(db, engine, options, newer);
  if (engine === 'mysql') await createMigrationTables(db);
  const { error, results } = await migratorOf(db, engine, options, newer).migrateToLatest();
  if (error) {
    if (databaseFailure(error) || error instanceof StartError || lacksRight(error)) throw error;
    if (results) throw new Error(`A migration failed: ${(error as Error).message}`, { cause: error });
    // Before the first one: a newer program was at work, or the migrator's own tables are not as it left them.
    const { length } = await newerOf(db, engine, () => undefined);
    if (length > newer.length) return run(db, engine, options);
    throw damagedTable(error);
  }
  await checkTables(db);
  return (results ?? []).map((result) => result.migrationName);
}

function missingRight(error: unknown): StartError {
  return new StartError(
    `The user of DATABASE_URL lacks a right that migrations need (${(error as Error).message}). ` +
      'GRANT it, or run `weapp-login migrate` with the DATABASE_URL of a user who has it.',
  );
}

/** What a newer version did to the tables. @throws {StartError} where this one does not work with that */
export async function newerOf(db: Db, engine: Engine, report: Report): Promise<string[]> {
  const newer = await newerMigrations(db, Object.keys(changes(engine, { report })));
  if (newer.length > 0) report(saysNewer(newer));
  return newer;
}

/** Kysely's migrator takes no lock in SQLite. Its one transaction is one: all of it happens, or nothing. */
function locked<T>(db: Db, work: (own: Db) => Promise<T>): Promise<T> {
  return db.connection().execute(async (own) => {
    await sql`BEGIN IMMEDIATE`.execute(own);
    try {
      const result = await work(own);
      await sql`COMMIT`.execute(own);
      return result;
    } catch (error) {
      await sql`ROLLBACK`.execute(own);
      throw error;
    }
  });
}

/**
 * Says what `migrate` would do, and changes nothing.
 * @throws {TablesError} which names what cannot be taken over
 */
export async function planMigration(db: Db, engine: Engine, options: MigrateOptions): Promise<string[]> {
  const newer = await newerOf(db, engine, options.report);
  const pending = await examine(db, engine, options, newer);
  const plans = changes(engine, options);
  if (pending.length === 0) await checkTables(db);
  const steps = await Promise.all(pending.map(async (name) => (await plans[name]?.plan(db)) ?? []));
  return steps.flat().map((step) => step.what);
}

/**
 * Before the first migration touches anything: what is there that it would fail on.
 * @returns the names of the migrations that are to be made
 */
async function examine(
  db: Db,
  engine: Engine,
  options: MigrateOptions,
  newer: readonly string[],
): Promise<string[]> {
  const all = await migratorOf(db, engine, options, newer).getMigrations();
  const pending = all.filter((each) => !each.executedAt).map(({ name }) => name);
  if (pending.length === 0) return pending;
  const others = await problemsOfOthers(db, engine, pending);
  const adopts = engine === 'mysql' && pending.includes('001-wxuser');
  const { problems, notes } = adopts ? await examineUsers(db, options) : { problems: [], notes: [] };
  if (problems.length + others.length > 0) throw new TablesError([...problems, ...others]);
  for (const note of notes) options.report(`note: ${note}`);
  return pending;
}

function migratorOf(db: Db, engine: Engine, options: MigrateOptions, newer: readonly string[]): Migrator {
  const all = Object.entries(changes(engine, options));
  const migrations: Record<string, Migration> = Object.fromEntries(
    all.map(([name, change]) => [name, asMigration(change, { report: options.report, beside: db })]),
  );
  // The migrator takes names that it is not given for a damage.
  for (const name of newer) migrations[name] = { up: async () => undefined };
  return new Migrator({
    db,
    provider: { getMigrations: async () => migrations },
    migrationTableName: MIGRATION_TABLE,
    migrationLockTableName: MIGRATION_LOCK_TABLE,
    // A row that somebody deleted is made again: the change finds that nothing is to be done.
    allowUnorderedMigrations: true,
  });
}
