import { type Migration, Migrator } from 'kysely';
import { databaseFailure } from './failures.ts';
import { wxuser } from './migrations/001-wxuser.ts';
import type { Db, Engine } from './schema.ts';

/** The migrations in their order. The names are kept in the database: never rename one. */
function migrations(engine: Engine): Record<string, Migration> {
  return { '001-wxuser': wxuser(engine) };
}

/**
 * Brings the tables up to date: runs what has not run yet, in order.
 * @throws {AppError} `database_unavailable` when the database cannot be reached
 * @returns the names of the migrations that ran
 */
export async function migrate(db: Db, engine: Engine): Promise<string[]> {
  const migrator = new Migrator({
    db,
    provider: { getMigrations: async () => migrations(engine) },
    migrationTableName: 'weapp_login_migration',
    migrationLockTableName: 'weapp_login_migration_lock',
  });
  const { error, results } = await migrator.migrateToLatest();
  if (error) throw databaseFailure(error) ?? error;
  return (results ?? []).map((result) => result.migrationName);
}
