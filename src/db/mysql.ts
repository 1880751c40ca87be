import { MysqlDialect, type MysqlPool } from 'kysely';
import { createPool, type Pool } from 'mysql2';

/**
 * A pool of connections to MySQL, MariaDB or what speaks their protocol. Nothing is opened before the first query.
 */
export function mysqlDialect(url: string): MysqlDialect {
  const pool = createPool({
    uri: url,
    charset: 'utf8mb4_unicode_ci', // emoji are four bytes; MySQL's own "utf8" has three
    dateStrings: true, // times go in and out as UTC text, so no time zone can move them
    supportBigNumbers: true,
    connectTimeout: 2000,
    // Without it affectedRows counts rows found; we need the rows changed, to know an insert from an existing row.
    flags: ['-FOUND_ROWS'],
  });
  prepareConnections(pool);
  return new MysqlDialect({ pool: pool as unknown as MysqlPool });
}

/**
 * Strict, so that no value is cut silently; and without NO_BACKSLASH_ESCAPES, which would break the driver's quoting.
 * Runs before whatever the new connection was opened for.
 */
function prepareConnections(pool: Pool): void {
  pool.on('connection', (connection) => {
    connection.query("SET SESSION sql_mode = 'STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION'", (error) => {
      if (error) connection.destroy();
    });
  });
}
