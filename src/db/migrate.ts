import { type Migration, Migrator, sql } from 'kysely';
import { StartError } from '../start-error.ts';
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

/** The changes of the tables, in their order. The names are kept in the database: never rename one. */
function changes(engine: Engine, report: Report): Record<string, Change> {
  return {
    '001-wxuser': wxuser(engine),
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
 */
export async function migrate(db: Db, engine: Engine, report: Report): Promise<string[]> {
  const work = () =>
    engine === 'sqlite' ? locked(db, (own) => run(own, engine, report)) : run(db, engine, report);
  return repeating(work).catch((error: unknown) => {
    throw lacksRight(error) ? missingRight(error) : error;
  });
}

async function run(db: Db, engine: Engine, report: Report): Promise<string[]> {
  const newer = await newerOf(db, engine, report);
  if (engine === 'mysql') await createMigrationTables(db);
  const { error, results } = await migratorOf(db, engine, report, newer).migrateToLatest();
  if (error) {
    if (databaseFailure(error) || error instanceof StartError || lacksRight(error)) throw error;
    if (results) throw new Error(`A migration failed: ${(error as Error).message}`, { cause: error });
    // Before the first one: a newer program was at work, or the migrator's own tables are not as it left them.
    const { length } = await newerOf(db, engine, () => undefined);
    if (length > newer.length) return run(db, engine, report);
    throw damagedTable(error);
  }
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
  const newer = await newerMigrations(db, Object.keys(changes(engine, report)));
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

/** Says what `migrate` would do, and changes nothing. */
export async function planMigration(db: Db, engine: Engine, report: Report): Promise<string[]> {
  const newer = await newerOf(db, engine, report);
  const all = await migratorOf(db, engine, report, newer).getMigrations();
  const pending = all.filter((each) => !each.executedAt);
  const plans = changes(engine, report);
  const steps = await Promise.all(pending.map(async ({ name }) => (await plans[name]?.plan(db)) ?? []));
  return steps.flat().map((step) => step.what);
}

function migratorOf(db: Db, engine: Engine, report: Report, newer: readonly string[]): Migrator {
  const all = Object.entries(changes(engine, report));
  const migrations: Record<string, Migration> = Object.fromEntries(
    all.map(([name, change]) => [name, asMigration(change, { report, beside: db })]),
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
