import { Kysely } from 'kysely';
import { migrate } from './migrate.ts';
import { mysqlDialect } from './mysql.ts';
import type { Db, Engine, Tables } from './schema.ts';
import { sqliteDialect } from './sqlite.ts';

/** An open database. `db.destroy()` closes it. */
export interface Database {
  readonly db: Db;
  readonly engine: Engine;
  /** The migrations that ran just now. */
  readonly migrated: readonly string[];
}

/**
 * Opens the database that a URL names and brings its tables up to date.
 * @param url `sqlite:<file>`, `sqlite::memory:` or `mysql://user:password@host:port/database`
 * @throws {AppError} `database_unavailable` when it cannot be reached
 */
export async function openDatabase(url: string): Promise<Database> {
  const engine: Engine = url.startsWith('sqlite:') ? 'sqlite' : 'mysql';
  const dialect = engine === 'sqlite' ? sqliteDialect(url.slice('sqlite:'.length)) : mysqlDialect(url);
  const db = new Kysely<Tables>({ dialect });
  try {
    return { db, engine, migrated: await migrate(db, engine) };
  } catch (error) {
    await db.destroy();
    throw error;
  }
}
