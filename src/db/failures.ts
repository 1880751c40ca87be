import { setTimeout as wait } from 'node:timers/promises';
import { AppError } from '../errors.ts';

/** The connection is gone, or its node cannot be reached: another connection may answer. 1927 is MariaDB's KILL. */
const LOST =
  /^(?:E(?:CONN|TIMEDOUT|HOST|NET|PIPE|AI_AGAIN|NOTFOUND)|PROTOCOL_|ER_CLIENT_INTERACTION_TIMEOUT|ERRNO_1927)/;

/**
 * The node itself says that it does not serve: another one may. A Galera node outside its cluster answers 1047
 * (UNKNOWN_COM_ERROR), or 1180 (ERROR_DURING_COMMIT) to what it was committing; a former primary is read-only.
 */
const NODE_GONE =
  /^ER_(?:SERVER_SHUTDOWN|NORMAL_SHUTDOWN|SERVER_ISNT_AVAILABLE|UNKNOWN_COM_ERROR|ERROR_DURING_COMMIT|OPTION_PREVENTS|READ_ONLY_MODE|CANT_EXECUTE_IN_READ_ONLY)/;

/** Opening another connection failed, but not since the server is away: it refuses, or we cannot ask. */
const ANSWER = /^(?:ER_|ERRNO_|HANDSHAKE_|EMFILE|ENFILE|ENOTFOUND|EAI_AGAIN|POOL_SESSION)/;

/** The statement met another one: the same again may pass. A Galera conflict comes as a deadlock. */
const CONFLICT = /^(?:ER_LOCK_DEADLOCK|ER_LOCK_WAIT_TIMEOUT|ER_CHECKREAD|SQLITE_BUSY|SQLITE_LOCKED)/;

/** The database cannot work now, as against a mistake of ours. */
const UNAVAILABLE =
  /^(?:POOL_|ER_(?:CON_COUNT|NEW_ABORTING|DISK_FULL|RECORD_FILE_FULL|OUT_OF_RESOURCES|CANT_CREATE_THREAD|ACCESS_DENIED|DBACCESS_DENIED|BAD_DB|TOO_MANY_USER|USER_LIMIT|HOST_|MUST_CHANGE_PASSWORD|ACCOUNT_HAS_BEEN_LOCKED|SECURE_TRANSPORT|QUERY_INTERRUPTED|QUERY_TIMEOUT)|ERRNO_1969|SQLITE_(?:READONLY|IOERR|FULL|CANTOPEN|NOTADB|CORRUPT|PERM|AUTH|PROTOCOL))/;

/** How long a conflict is repeated. */
const PATIENCE_MS = 2000;

/** Whether another connection may answer. */
export function isLost(error: unknown): boolean {
  const code = codeOf(error);
  // mysql2 calls an error of a dead connection fatal, and gives it no code.
  return code === ''
    ? (error as { fatal?: unknown } | null)?.fatal === true
    : LOST.test(code) || isNodeGone(error);
}

/** Whether only another node may answer. */
export function isNodeGone(error: unknown): boolean {
  return NODE_GONE.test(codeOf(error));
}

/** Whether a connection that could not be opened says nothing against those that are open: the server answers, or was not asked. */
export function isAnswer(error: unknown): boolean {
  return ANSWER.test(codeOf(error)) && !isNodeGone(error);
}

/** Whether the user of the database may not do what a statement does. */
export function lacksRight(error: unknown): boolean {
  return /^ER_(?:TABLE|COLUMN|SPECIFIC_|PROC)ACCESS_DENIED/.test(codeOf(error));
}

/** The `database_unavailable` that a driver's error stands for, if it stands for one. */
export function databaseFailure(error: unknown): AppError | undefined {
  const code = codeOf(error);
  if (!isLost(error) && !CONFLICT.test(code) && !UNAVAILABLE.test(code)) return undefined;
  const { message } = error as Error;
  return new AppError('database_unavailable', { reason: `${code || 'LOST'}: ${message || 'no answer'}` });
}

/** The `account_in_use` of a row that a foreign key of another's table keeps. */
export function accountInUse(error: unknown): AppError | undefined {
  if (!/^ER_ROW_IS_REFERENCED/.test(codeOf(error))) return undefined;
  const [, key] = /CONSTRAINT (`[^`]+`)/.exec((error as Error).message) ?? [];
  return new AppError('account_in_use', { reason: `a foreign key ${key ?? ''} keeps the row` });
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
  const { code, errno } = (error ?? {}) as { code?: unknown; errno?: unknown };
  if (typeof code === 'string') return code;
  return typeof errno === 'number' ? `ERRNO_${errno}` : ''; // mysql2 does not know every name
}
