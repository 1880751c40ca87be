import { setTimeout as wait } from 'node:timers/promises';
import { AppError } from '../errors.ts';

/**
 * The connection is gone, or its node is: another one may answer. A Galera node outside its cluster answers 1047
 * (UNKNOWN_COM_ERROR), or 1180 (ERROR_DURING_COMMIT) to what it was committing.
 */
const LOST =
  /^(?:E(?:CONN|TIMEDOUT|HOST|NET|PIPE|AI_AGAIN|NOTFOUND)|PROTOCOL_|ER_(?:SERVER_SHUTDOWN|NORMAL_SHUTDOWN|UNKNOWN_COM_ERROR|ERROR_DURING_COMMIT|OPTION_PREVENTS|READ_ONLY_MODE|CANT_EXECUTE_IN_READ_ONLY))/;

/** The statement met another one: the same again may pass. A Galera conflict comes as a deadlock. */
const CONFLICT = /^(?:ER_LOCK_DEADLOCK|ER_LOCK_WAIT_TIMEOUT|ER_CHECKREAD|SQLITE_BUSY|SQLITE_LOCKED)/;

/** The database cannot work now, as against a mistake of ours. */
const UNAVAILABLE =
  /^(?:POOL_|ER_(?:CON_COUNT|NEW_ABORTING|DISK_FULL|RECORD_FILE_FULL|OUT_OF_RESOURCES|ACCESS_DENIED|DBACCESS_DENIED|BAD_DB|TOO_MANY_USER|HOST_)|SQLITE_(?:READONLY|IOERR|FULL|CANTOPEN|NOTADB|CORRUPT|PERM|AUTH|PROTOCOL))/;

/** How long a conflict is repeated. */
const PATIENCE_MS = 2000;

export function isLost(error: unknown): boolean {
  const code = codeOf(error);
  // mysql2 calls an error of a dead connection fatal, and gives it no code.
  return code === '' ? (error as { fatal?: unknown } | null)?.fatal === true : LOST.test(code);
}

/** The `database_unavailable` that a driver's error stands for, if it stands for one. */
export function databaseFailure(error: unknown): AppError | undefined {
  const code = codeOf(error);
  if (!isLost(error) && !CONFLICT.test(code) && !UNAVAILABLE.test(code)) return undefined;
  const { message } = error as Error;
  return new AppError('database_unavailable', { reason: `${code || 'LOST'}: ${message || 'no answer'}` });
}

/**
 * Wraps the methods of a repository, each of which may safely run twice: a conflict with another statement is repeated
 * for two seconds, a lost connection once, on whatever node is well. What still fails is `database_unavailable`.
 */
export function withDatabaseFailures<Port extends object>(port: Port): Port {
  const wrapped = Object.entries(port).map(([name, method]) => {
    const call = method as (...args: unknown[]) => Promise<unknown>;
    return [name, (...args: unknown[]) => repeating(() => call(...args))];
  });
  return Object.fromEntries(wrapped) as Port;
}

/** @throws {AppError} `database_unavailable`, or the error itself when it is a mistake of ours */
export async function repeating<T>(work: () => Promise<T>): Promise<T> {
  const started = performance.now();
  let lost = 0;
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      const conflicted = CONFLICT.test(codeOf(error)) && performance.now() - started < PATIENCE_MS;
      if (isLost(error)) lost += 1;
      if (!conflicted && !(isLost(error) && lost === 1)) throw databaseFailure(error) ?? error;
      // At random, so that two who met do not meet again.
      if (conflicted) await wait(Math.random() * Math.min(100, 5 * 2 ** attempt));
    }
  }
}

function codeOf(error: unknown): string {
  const { code } = (error ?? {}) as { code?: unknown };
  return typeof code === 'string' ? code : '';
}
