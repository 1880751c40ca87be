import { sql } from 'kysely';
import type { Db, Engine } from '../schema.ts';
import type { Change, Step } from '../steps.ts';

/** The sessions. No foreign key: not every MySQL-like database has them. */
export function wxsession(engine: Engine): Change {
  return { plan: (db) => plan(db, engine) };
}

async function plan(db: Db, engine: Engine): Promise<Step[]> {
  const tables = await db.introspection.getTables();
  if (tables.some((table) => table.name === 'wxsession')) return [];
  return [{ what: 'create the table wxsession', run: () => (engine === 'mysql' ? onMysql : onSqlite)(db) }];
}

async function onMysql(db: Db): Promise<void> {
  const ascii = sql`CHARACTER SET ascii COLLATE ascii_bin NOT NULL`;
  await sql`
    CREATE TABLE wxsession (
      sid VARCHAR(32) ${ascii} PRIMARY KEY,
      wxuser_id BIGINT UNSIGNED NOT NULL,
      generation INT UNSIGNED NOT NULL,
      session_key VARCHAR(255) ${ascii},
      device VARCHAR(100) CHARACTER SET utf8mb4 NOT NULL,
      place VARCHAR(64) ${ascii},
      created_at DATETIME(3) NOT NULL,
      last_used_at DATETIME(3) NOT NULL,
      expires_at DATETIME(3) NOT NULL,
      KEY wxsession_wxuser_id (wxuser_id, created_at),
      KEY wxsession_expires_at (expires_at)
    ) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci`.execute(db);
}

/** Inside the one transaction that a migration is in SQLite. */
async function onSqlite(db: Db): Promise<void> {
  await sql`
    CREATE TABLE wxsession (
      sid TEXT PRIMARY KEY,
      wxuser_id INTEGER NOT NULL,
      generation INTEGER NOT NULL,
      session_key TEXT NOT NULL,
      device TEXT NOT NULL,
      place TEXT NOT NULL,
      created_at TEXT NOT NULL,
      last_used_at TEXT NOT NULL,
      expires_at TEXT NOT NULL
    ) WITHOUT ROWID`.execute(db);
  await sql`CREATE INDEX wxsession_wxuser_id ON wxsession (wxuser_id, created_at)`.execute(db);
  await sql`CREATE INDEX wxsession_expires_at ON wxsession (expires_at)`.execute(db);
}
