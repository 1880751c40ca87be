import { type Connection, type ConnectionOptions, createConnection, type RowDataPacket } from 'mysql2';
import type { MysqlAddress } from '../database-url.ts';
import { isLost } from './failures.ts';
import { type Difference, prepareSession, type Run } from './mysql-session.ts';

/** How every connection to a host is made. */
export function connectionOptions(host: string, port: number, address: MysqlAddress): ConnectionOptions {
  return {
    host,
    port,
    user: address.user,
    password: address.password,
    database: address.database,
    charset: 'utf8mb4_unicode_ci',
    dateStrings: true, // times go in and out as UTC text, so no time zone can move them
    supportBigNumbers: true,
    jsonStrings: true, // parsed, a JSON would lose digits, and could not be written again as it was
    connectTimeout: Math.min(address.timeoutMs, 1000),
    enableKeepAlive: true,
    keepAliveInitialDelay: 30_000, // firewalls and load balancers forget connections that are silent for minutes
    // Without it affectedRows counts rows found; we need the rows changed, to know an insert from an existing row.
    flags: ['-FOUND_ROWS'],
    ...(address.ssl && { ssl: address.ssl }),
  };
}

export interface Opened {
  readonly connection: Connection;
  /** What the server's defaults had otherwise than the session has it now. */
  readonly differences: readonly Difference[];
}

/**
 * A connection whose session is ours: see mysql-session.ts.
 * @param patient its statements may wait for locks as long as the server lets them
 * @throws what the driver or the server says, or `ETIMEDOUT`
 */
export async function openConnection(
  options: ConnectionOptions,
  timeoutMs: number,
  patient = false,
): Promise<Opened> {
  const connection = createConnection(options);
  connection.on('error', () => undefined); // whoever waits for an answer is told
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_resolve, reject) => {
    const late = Object.assign(new Error(`did not answer within ${timeoutMs} ms`), { code: 'ETIMEDOUT' });
    timer = setTimeout(() => reject(late), timeoutMs);
  });
  try {
    return { connection, differences: await Promise.race([prepared(connection, patient), tooLate]) };
  } catch (error) {
    connection.destroy();
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

async function prepared(connection: Connection, patient: boolean): Promise<Difference[]> {
  await new Promise<void>((resolve, reject) => {
    connection.connect((error) => (error ? reject(error) : resolve()));
  });
  return prepareSession(runOn(connection), patient).catch((error: unknown) => {
    if (!isLost(error)) throw error;
    const { code, message } = error as { code?: string; message: string };
    const hint = `${message} (right after it took the password: does its init_connect fail?)`;
    throw Object.assign(new Error(hint), { code });
  });
}

export function runOn(connection: Connection): Run {
  return (sql) =>
    new Promise((resolve, reject) => {
      connection.query<RowDataPacket[]>(sql, (error, rows) => {
        if (error) reject(error);
        else resolve(Array.isArray(rows) ? rows : []);
      });
    });
}

/** Why a node does not take statements, or nothing. A Galera node outside its cluster answers 1047 to any. */
export async function refusal(options: ConnectionOptions, timeoutMs: number): Promise<Error | undefined> {
  let connection: Connection | undefined;
  try {
    ({ connection } = await openConnection(options, timeoutMs));
    const run = runOn(connection);
    await run('SELECT 1');
    // A former primary answers, but takes no writes. Who does not know the variable (a proxy) is taken at his word.
    const [row] = await run('SELECT @@GLOBAL.read_only AS readOnly').catch(() => []);
    return row?.['readOnly'] ? new Error('is read-only') : undefined;
  } catch (error) {
    return error as Error;
  } finally {
    connection?.destroy();
  }
}

/** What a driver's error says. */
export function messageOf(error: unknown): string {
  const { code, message } = error as { code?: string; message?: string };
  return message || code || 'no answer';
}
