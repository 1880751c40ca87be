import { sql } from 'kysely';
import type { Db, Engine } from '../schema.ts';
import type { Change, Step } from '../steps.ts';

/** Which signatures and messages of WeChat's were used: see db/deliveries.ts. */
export function wxcallbackDelivery(engine: Engine): Change {
  return { plan: (db) => plan(db, engine) };
}

async function plan(db: Db, engine: Engine): Promise<Step[]> {
  const tables = await db.introspection.getTables();
  if (tables.some((table) => table.name === 'wxcallback_delivery')) return [];
  const run = () => (engine === 'mysql' ? onMysql : onSqlite)(db);
  return [{ what: 'create the table wxcallback_delivery', run }];
}

async function onMysql(db: Db): Promise<void> {
  const ascii = sql`CHARACTER SET ascii COLLATE ascii_bin NOT NULL`;
  await sql`
    CREATE TABLE wxcallback_delivery (
      digest VARCHAR(64) ${ascii} PRIMARY KEY,
      state VARCHAR(64) ${ascii},
      created_at DATETIME(3) NOT NULL,
      KEY wxcallback_delivery_created_at (created_at)
    ) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci`.execute(db);
}

async function onSqlite(db: Db): Promise<void> {
  await sql`
    CREATE TABLE wxcallback_delivery (
      digest TEXT PRIMARY KEY,
      state TEXT NOT NULL,
      created_at TEXT NOT NULL
    ) WITHOUT ROWID`.execute(db);
  await sql`CREATE INDEX wxcallback_delivery_created_at ON wxcallback_delivery (created_at)`.execute(db);
}
