import type { SqliteStatement } from 'kysely';
import type Libsql from 'libsql';
import { exactInteger } from '../user-id.ts';

/** Of an INTEGER in SQLite. */
export const LARGEST_INTEGER = 2n ** 63n - 1n;

/**
 * Prepares a statement that loses no digits: an integer comes as a number, or as the text of its digits where a number would
 * round it, as from mysql2. By itself libsql rounds.
 */
export function prepareExact(database: Libsql.Database, sql: string): SqliteStatement {
  const statement = database.prepare(sql).safeIntegers(true);
  return {
    reader: statement.reader,
    all: (parameters) => statement.all(parameters.map(bindable)).map(exact),
    run: (parameters) => statement.run(parameters.map(bindable)),
    *iterate(parameters) {
      for (const row of statement.iterate(parameters.map(bindable))) yield exact(row);
    },
  };
}

/** libsql throws on an integer that SQLite cannot hold; a text of these digits equals no id. */
function bindable(parameter: unknown): unknown {
  return typeof parameter === 'bigint' && parameter > LARGEST_INTEGER ? String(parameter) : parameter;
}

function exact(row: unknown): unknown {
  const columns = row as Record<string, unknown>;
  for (const [name, value] of Object.entries(columns)) {
    if (typeof value === 'bigint') columns[name] = exactInteger(value);
  }
  return columns;
}
