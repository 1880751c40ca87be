import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { createConnection } from 'mysql2/promise';
import { hasMariaDb, startMariaDb } from '../test/support/mariadb.ts';
import { hasRedis, startRedis } from '../test/support/redis.ts';

export type Store = keyof typeof stores;

/** A fresh place for users and sessions. */
export interface OpenStore {
  /** The settings that name it to a server. */
  readonly settings: Readonly<Record<string, string>>;
  readonly close: () => Promise<void>;
}

/** How each is opened, with its files in a folder; undefined where the machine has no such server. */
export const stores = { SQLite: openSqlite, MariaDB: openMariaDb, Redis: openRedis };

async function openSqlite(folder: string): Promise<OpenStore> {
  const file = join(folder, `${randomUUID()}.db`);
  return { settings: { DATABASE_URL: `sqlite:${file}` }, close: async () => undefined };
}

/** The sessions in a Redis of its own, the users in SQLite. */
async function openRedis(folder: string): Promise<OpenStore | undefined> {
  if (!hasRedis()) return undefined;
  const [redis, { settings }] = [await startRedis(), await openSqlite(folder)];
  return { settings: { ...settings, REDIS_URL: redis.url }, close: redis.stop };
}

/** A private one, or the server that the tests are told to use. */
async function openMariaDb(): Promise<OpenStore | undefined> {
  const named = process.env['TEST_MYSQL_URL'];
  if (!named && !hasMariaDb()) return undefined;
  const own = named ? undefined : await startMariaDb();
  const server = named ?? own?.url ?? '';
  const name = `bench_${randomUUID().replaceAll('-', '')}`;
  const close = () => (own ? own.stop() : execute(server, `DROP DATABASE ${name}`));
  try {
    await execute(server, `CREATE DATABASE ${name}`);
  } catch (error) {
    await own?.stop();
    throw error;
  }
  return { settings: { DATABASE_URL: new URL(name, server).href }, close };
}

async function execute(url: string, sql: string): Promise<void> {
  const connection = await createConnection(url);
  await connection.query(sql);
  await connection.end();
}
