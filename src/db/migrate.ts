import { Migrator, sql } from 'kysely';
import { databaseFailure, repeating } from './failures.ts';
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
  return repeating(() =>
    engine === 'sqlite' ? locked(db, (own) => run(own, engine, report)) : run(db, engine, report),
  );
}

async function run(db: Db, engine: Engine, report: Report): Promise<string[]> {
  const { error, results } = await migratorOf(db, engine, report).migrateToLatest();
  if (error) {
    if (databaseFailure(error)) throw error;
    throw new Error(`A migration failed: ${(error as Error).message}`, { cause: error });
  }
  return (results ?? []).map((result) => result.migrationName);
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
  const pending = (await migratorOf(db, engine, report).getMigrations()).filter((each) => !each.executedAt);
  const plans = changes(engine, report);
  const steps = await Promise.all(pending.map(async ({ name }) => (await plans[name]?.plan(db)) ?? []));
  return steps.flat().map((step) => step.what);
}

function migratorOf(db: Db, engine: Engine, report: Report): Migrator {
  const all = Object.entries(changes(engine, report));
  const migrations = Object.fromEntries(
    all.map(([name, change]) => [name, asMigration(change, { report, beside: db })]),
  );
  return new Migrator({
    db,
    provider: { getMigrations: async () => migrations },
    migrationTableName: 'weapp_login_migration',
    migrationLockTableName: 'weapp_login_migration_lock',
  });
}
