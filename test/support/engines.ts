import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createConnection } from 'mysql2/promise';
import { inject } from 'vitest';

/** A database of its own for one test. */
export interface FreshDatabase {
  readonly url: string;
  drop(): Promise<void>;
}

interface TestEngine {
  readonly name: 'SQLite' | 'MySQL';
  readonly available: boolean;
  fresh(): Promise<FreshDatabase>;
}

/** A MySQL server without the database's name, where there is one. */
export const mysqlUrl = inject('mysqlUrl');

/** Whether tests can start Redis. Each starts its own: the few numbered databases of one would not keep tests apart. */
export const redisThere = inject('redisThere');

/** Every database test runs on each: `describe.each(engines)`. */
export const engines: readonly TestEngine[] = [
  { name: 'SQLite', available: true, fresh: freshSqlite },
  { name: 'MySQL', available: mysqlUrl !== undefined, fresh: () => freshMysql() },
].filter((engine): engine is TestEngine => engine.available);

export async function freshSqlite(): Promise<FreshDatabase> {
  const folder = mkdtempSync(join(inject('folder'), 'sqlite-'));
  const url = `sqlite:${join(folder, 'weapp-login.db')}`;
  return { url, drop: async () => rmSync(folder, { recursive: true, force: true }) };
}

export async function freshMysql(server = mysqlUrl): Promise<FreshDatabase> {
  if (!server) throw new Error('there is no MySQL server');
  const name = `t_${randomUUID().replaceAll('-', '')}`;
  await execute(server, `CREATE DATABASE ${name}`);
  return { url: new URL(name, server).href, drop: () => execute(server, `DROP DATABASE ${name}`) };
}

async function execute(url: string, sql: string): Promise<void> {
  const connection = await createConnection(url);
  await connection.query(sql);
  await connection.end();
}
