import { type SqliteDatabase, SqliteDialect, type SqliteStatement } from 'kysely';
import Libsql from 'libsql';
import type { Warn } from '../private-files.ts';
import { type IfMissing, openProblem, prepareFile, refuseCutFile } from './sqlite-file.ts';
import { prepareExact } from './sqlite-statement.ts';

interface Options {
  readonly ifMissing?: IfMissing | undefined;
  readonly warn?: Warn | undefined;
}

/**
 * The embedded database in one file, for its owner alone; by default made with its folder if it is not there.
 * WAL lets readers go on while one writes; with it `synchronous=NORMAL` cannot corrupt the file, and only a power
 * failure can take back the last moments: https://www.sqlite.org/pragma.html#pragma_synchronous
 */
export function sqliteDialect(
  file: string,
  { ifMissing = 'make', warn = () => undefined }: Options = {},
): SqliteDialect {
  return new SqliteDialect({
    database: async () => (file === ':memory:' ? open(file) : openFile(file, ifMissing, warn)),
  });
}

/** @throws {StartError} where the file cannot be a database of ours */
function openFile(file: string, ifMissing: IfMissing, warn: Warn): SqliteDatabase {
  prepareFile(file, ifMissing, warn);
  try {
    const database = open(file);
    refuseCutFile(file);
    return database;
  } catch (error) {
    throw openProblem(file, error);
  }
}

function open(file: string): SqliteDatabase {
  const database = new Libsql(file);
  // It waits in the thread that serves everybody, so not for long; the rest of the patience is repeating()'s.
  database.pragma('busy_timeout = 20');
  database.pragma('journal_mode = WAL');
  database.pragma('synchronous = NORMAL');
  return withPreparedStatements(database);
}

/** Keeps the prepared statements: our queries are few, and preparing costs more than running. */
function withPreparedStatements(database: Libsql.Database): SqliteDatabase {
  const prepared = new Map<string, SqliteStatement>();
  return {
    close: () => database.close(),
    prepare(sql) {
      const statement = prepared.get(sql) ?? resetWhenBusy(database, sql);
      prepared.set(sql, statement);
      return statement;
    },
  };
}

/**
 * libsql does not reset a statement that met a lock: it stays in progress, and SQLite then refuses every COMMIT of the
 * connection until that statement is run again. Here it is run again at once, where it can write nothing and so ends.
 */
function resetWhenBusy(database: Libsql.Database, sql: string): SqliteStatement {
  const statement = prepareExact(database, sql);
  if (!/^\s*(?:insert|update|delete)\b/i.test(sql)) return statement;
  const guarded =
    <Result>(call: (parameters: readonly unknown[]) => Result) =>
    (parameters: readonly unknown[]): Result => {
      try {
        return call(parameters);
      } catch (error) {
        if (/^SQLITE_BUSY/.test(String((error as { code?: unknown }).code)))
          endWithoutWriting(() => call(parameters));
        throw error;
      }
    };
  return {
    reader: statement.reader,
    all: guarded((parameters) => statement.all(parameters)),
    run: guarded((parameters) => statement.run(parameters)),
    iterate: (parameters) => statement.iterate(parameters),
  };

  function endWithoutWriting(call: () => unknown): void {
    database.pragma('query_only = 1');
    try {
      call();
    } catch {
      // "attempt to write a readonly database": what was wanted
    } finally {
      database.pragma('query_only = 0');
    }
  }
}
