import { type Dialect, Kysely } from 'kysely';
import type { Warn } from '../private-files.ts';
import { StartError } from '../start-error.ts';
import { claimRows } from './claim.ts';
import { repeating } from './failures.ts';
import { migrate, newerOf, planMigration } from './migrate.ts';
import { refuseNewer } from './migration-table.ts';
import { mysqlDialect } from './mysql.ts';
import type { NodeListener } from './mysql-nodes.ts';
import type { Db, Engine, Tables } from './schema.ts';
import { sqliteDialect } from './sqlite.ts';
import type { IfMissing } from './sqlite-file.ts';
import type { Report } from './steps.ts';

/** An open database. `db.destroy()` closes it. */
export interface Database {
  readonly db: Db;
  readonly engine: Engine;
}

export interface OpenOptions {
  /** The real app that rows of an adopted table belong to; none in the sandbox. */
  readonly appid?: string | undefined;
  /** The time zone of the times that an adopted table has: `+08:00`. */
  readonly timezone?: string | undefined;
  /** What is done about a database that a newer version has changed in a way that this one works with: used, by default. */
  readonly ifNewer?: 'refuse';
  /** What is done about a SQLite file that is not there, and, where tables are brought up to date, about a database without users: made, by default. */
  readonly ifMissing?: IfMissing;
  /** Told what the migrations do. */
  readonly report?: Report;
  /** Told when a node of a MySQL cluster is left and taken back. */
  readonly listener?: NodeListener;
  /** Told that other users of the machine may read the file, where that cannot be changed. */
  readonly warn?: Warn;
}

/**
 * Brings the tables of a database up to date and opens it.
 * @param url `sqlite:<file>`, `sqlite::memory:` or `mysql://user:password@host:port/database`
 * @throws {AppError} `database_unavailable` when it cannot be reached
 */
export async function openDatabase(url: string, options: OpenOptions = {}): Promise<Database> {
  const engine = engineOf(url);
  if (engine === 'mysql') await migrateDatabase(url, options);
  const db = new Kysely<Tables>({ dialect: dialectOf(url, options) });
  // A file is opened once: an in-memory one is gone with its connection.
  if (engine === 'sqlite')
    await bringUpToDate(db, engine, options).catch((error) => db.destroy().then(() => Promise.reject(error)));
  return { db, engine };
}

/**
 * Brings the tables of a database up to date.
 * @returns what was done, a sentence each
 */
export function migrateDatabase(url: string, options: OpenOptions = {}): Promise<string[]> {
  return withPatientDatabase(url, options, (db, engine) => bringUpToDate(db, engine, options));
}

/** Says what `migrateDatabase` would do, and changes nothing. */
export function planDatabase(url: string, options: OpenOptions = {}): Promise<string[]> {
  return withPatientDatabase(url, options, (db, engine) =>
    repeating(async () => {
      if (options.ifNewer === 'refuse') refuseNewer(await newerOf(db, engine, silent));
      return planMigration(db, engine, { ...options, report: options.report ?? silent });
    }),
  );
}

export function engineOf(url: string): Engine {
  return url.startsWith('sqlite:') ? 'sqlite' : 'mysql';
}

/** A database whose statements may take as long as they take. */
export async function withPatientDatabase<T>(
  url: string,
  options: OpenOptions,
  work: (db: Db, engine: Engine) => Promise<T>,
): Promise<T> {
  const db = new Kysely<Tables>({ dialect: dialectOf(url, options, true) });
  try {
    return await work(db, engineOf(url));
  } finally {
    await db.destroy();
  }
}

export async function hasUsers(db: Db): Promise<boolean> {
  const tables = await repeating(() => db.introspection.getTables());
  return tables.some(({ name }) => name === 'wxuser');
}

/** @throws {StartError} for a database that has no table of users */
export async function requireUsers(db: Db): Promise<void> {
  if (!(await hasUsers(db)))
    throw new StartError(
      'The database has no table wxuser: is it the one of the server (DATABASE_URL)? Its tables are made by the first start',
    );
}

async function bringUpToDate(
  db: Db,
  engine: Engine,
  { appid, timezone, report = silent, ifMissing, ifNewer }: OpenOptions,
): Promise<string[]> {
  if (ifMissing === 'refuse') await requireUsers(db);
  if (ifNewer === 'refuse') refuseNewer(await repeating(() => newerOf(db, engine, silent)));
  const done = await migrate(db, engine, { report, timezone });
  const claimed = appid !== undefined && engine === 'mysql' ? await repeating(() => claimRows(db, appid)) : 0;
  if (claimed > 0) report(`gave ${claimed} rows without an appid to ${appid}`);
  return done;
}

function dialectOf(url: string, { listener, warn, ifMissing }: OpenOptions, patient = false): Dialect {
  if (engineOf(url) === 'sqlite') return sqliteDialect(url.slice('sqlite:'.length), { ifMissing, warn });
  return mysqlDialect(url, { patient, ...(listener && { listener }) });
}

const silent: Report = () => undefined;
