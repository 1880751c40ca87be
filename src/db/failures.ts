import { AppError } from '../errors.ts';

/** The driver's codes for a database that cannot work now, as against a mistake of ours. */
const UNAVAILABLE = new RegExp(
  [
    '^E(?:CONN|TIMEDOUT|HOST|NET|PIPE|AI_AGAIN|NOTFOUND)', // sockets and names
    '^PROTOCOL_', // mysql2: lost connections, sequence errors
    '^POOL_',
    '^ER_(?:CON_COUNT|SERVER_SHUTDOWN|NORMAL_SHUTDOWN|NEW_ABORTING|LOCK_WAIT|LOCK_DEADLOCK|OPTION_PREVENTS|READ_ONLY)',
    '^ER_(?:DISK_FULL|RECORD_FILE_FULL|OUT_OF_RESOURCES|ACCESS_DENIED|DBACCESS_DENIED|BAD_DB|UNKNOWN_COM|TOO_MANY_USER)',
    '^SQLITE_(?:BUSY|LOCKED|READONLY|IOERR|FULL|CANTOPEN|NOTADB|CORRUPT|PERM|AUTH|PROTOCOL)',
  ].join('|'),
);

/** Wraps the methods of a repository: a database that cannot work now becomes `database_unavailable`. */
export function withDatabaseFailures<Port extends object>(port: Port): Port {
  const wrapped = Object.entries(port).map(([name, method]) => [
    name,
    async (...args: unknown[]) => {
      try {
        return await (method as (...args: unknown[]) => unknown)(...args);
      } catch (error) {
        throw databaseFailure(error) ?? error;
      }
    },
  ]);
  return Object.fromEntries(wrapped) as Port;
}

/** The `database_unavailable` that a driver's error stands for, if it stands for one. */
export function databaseFailure(error: unknown): AppError | undefined {
  const { code, message } = error as { code?: unknown; message?: string };
  if (typeof code !== 'string' || !UNAVAILABLE.test(code)) return undefined;
  return new AppError('database_unavailable', { reason: `${code}: ${message || 'no answer'}` });
}
