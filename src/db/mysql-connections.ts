import {
  type Connection,
  type ConnectionOptions,
  createConnection,
  type Pool,
  type PoolConnection,
  type RowDataPacket,
} from 'mysql2';
import type { MysqlAddress } from '../database-url.ts';

/** How every connection to a host is made. */
export function connectionOptions(host: string, port: number, address: MysqlAddress): ConnectionOptions {
  return {
    host,
    port,
    user: address.user,
    password: address.password,
    database: address.database,
    charset: 'utf8mb4_unicode_ci', // emoji are four bytes; MySQL's own "utf8" has three
    dateStrings: true, // times go in and out as UTC text, so no time zone can move them
    supportBigNumbers: true,
    connectTimeout: Math.min(address.timeoutMs, 1000),
    enableKeepAlive: true,
    // Without it affectedRows counts rows found; we need the rows changed, to know an insert from an existing row.
    flags: ['-FOUND_ROWS'],
    ...(address.ssl && { ssl: address.ssl }),
  };
}

/**
 * Runs before whatever the new connection was opened for. Times are UTC; a backslash in a text is what the driver's
 * quoting takes it for (the rest of the server's sql_mode stays: a table may have been made for it); in a Galera
 * cluster a read waits for what was written on other nodes. What speaks the protocol only (Vitess, a proxy) may refuse
 * one or another: it does not have what that guards against.
 */
const PREPARATIONS = [
  "SET SESSION time_zone = '+00:00'",
  "SET SESSION sql_mode = REPLACE(@@SESSION.sql_mode, 'NO_BACKSLASH_ESCAPES', '')",
  'SET SESSION wsrep_sync_wait = 1',
];

/** A row that somebody else holds is a conflict, told by the server before our own time-out. */
const IMPATIENCE = 'SET SESSION innodb_lock_wait_timeout = 1';

export function prepare(connection: Connection, patient: boolean): void {
  const statements = patient ? PREPARATIONS : [...PREPARATIONS, IMPATIENCE];
  for (const statement of statements) connection.query(statement, () => undefined);
}

/** Waits for a free connection no longer than for any other answer of the database. */
export function connectionOf(pool: Pool, timeoutMs: number): Promise<PoolConnection> {
  return new Promise((resolve, reject) => {
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      reject(
        Object.assign(new Error(`no connection was free within ${timeoutMs} ms`), { code: 'POOL_BUSY' }),
      );
    }, timeoutMs);
    pool.getConnection((error, connection) => {
      clearTimeout(timer);
      if (late) return error ? undefined : connection.release();
      return error ? reject(error) : resolve(connection);
    });
  });
}

/** Why a node does not take statements, or nothing. A Galera node outside its cluster answers 1047 to any. */
export function refusal(options: ConnectionOptions, timeoutMs: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const connection = createConnection(options);
    const finish = (reason?: string) => {
      clearTimeout(timer);
      connection.destroy();
      resolve(reason);
    };
    const timer = setTimeout(() => finish(`did not answer within ${timeoutMs} ms`), timeoutMs);
    connection.on('error', (error) => finish(messageOf(error)));
    connection.query('SELECT 1', (error) => {
      if (error) return finish(messageOf(error));
      // A former primary answers, but takes no writes. Who does not know the variable (a proxy) is taken at his word.
      connection.query<RowDataPacket[]>('SELECT @@GLOBAL.read_only AS readOnly', (_error, rows) =>
        finish(rows?.[0]?.['readOnly'] ? 'is read-only' : undefined),
      );
    });
  });
}

/** What a driver's error says. */
export function messageOf(error: unknown): string {
  const { code, message } = error as { code?: string; message?: string };
  return message || code || 'no answer';
}
