import { sql } from 'kysely';
import type { Db, Engine } from '../schema.ts';
import type { Change, Step } from '../steps.ts';

/** Which sessions were ended before their time: see db/revoked.ts. */
export function wxsessionRevoked(engine: Engine): Change {
  return { plan: (db) => plan(db, engine) };
}

async function plan(db: Db, engine: Engine): Promise<Step[]> {
  const tables = await db.introspection.getTables();
  if (tables.some((table) => table.name === 'wxsession_revoked')) return [];
  const run = () => (engine === 'mysql' ? onMysql : onSqlite)(db);
  return [{ what: 'create the table wxsession_revoked', run }];
}

async function onMysql(db: Db): Promise<void> {
  await sql`
    CREATE TABLE wxsession_revoked (
      sid VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
      wxuser_id BIGINT UNSIGNED NOT NULL,
      expires_at DATETIME(3) NOT NULL,
      KEY wxsession_revoked_wxuser_id (wxuser_id),
      KEY wxsession_revoked_expires_at (expires_at)
    ) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci`.execute(db);
}

async function onSqlite(db: Db): Promise<void> {
  await sql`
    CREATE TABLE wxsession_revoked (
      sid TEXT PRIMARY KEY,
      wxuser_id INTEGER NOT NULL,
      expires_at TEXT NOT NULL
    ) WITHOUT ROWID`.execute(db);
  await sql`CREATE INDEX wxsession_revoked_wxuser_id ON wxsession_revoked (wxuser_id)`.execute(db);
  await sql`CREATE INDEX wxsession_revoked_expires_at ON wxsession_revoked (expires_at)`.execute(db);
}
