import { sql } from 'kysely';
import type { Db, Engine } from '../schema.ts';
import type { Change, Step } from '../steps.ts';

/** Which pictures WeChat was asked about: see db/picture-checks.ts. */
export function wxmediaCheck(engine: Engine): Change {
  return { plan: (db) => plan(db, engine) };
}

async function plan(db: Db, engine: Engine): Promise<Step[]> {
  const tables = await db.introspection.getTables();
  if (tables.some((table) => table.name === 'wxmedia_check')) return [];
  const run = () => (engine === 'mysql' ? onMysql : onSqlite)(db);
  return [{ what: 'create the table wxmedia_check', run }];
}

async function onMysql(db: Db): Promise<void> {
  await sql`
    CREATE TABLE wxmedia_check (
      trace_id VARCHAR(128) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL PRIMARY KEY,
      wxuser_id BIGINT UNSIGNED NULL,
      avatar VARCHAR(512) CHARACTER SET utf8mb4 NULL,
      suggest VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NULL,
      label INT NULL,
      created_at DATETIME(3) NOT NULL,
      KEY wxmedia_check_wxuser_id (wxuser_id),
      KEY wxmedia_check_created_at (created_at)
    ) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci`.execute(db);
}

async function onSqlite(db: Db): Promise<void> {
  await sql`
    CREATE TABLE wxmedia_check (
      trace_id TEXT PRIMARY KEY,
      wxuser_id INTEGER,
      avatar TEXT,
      suggest TEXT,
      label INTEGER,
      created_at TEXT NOT NULL
    ) WITHOUT ROWID`.execute(db);
  await sql`CREATE INDEX wxmedia_check_wxuser_id ON wxmedia_check (wxuser_id)`.execute(db);
  await sql`CREATE INDEX wxmedia_check_created_at ON wxmedia_check (created_at)`.execute(db);
}
