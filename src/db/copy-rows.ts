import { type RawBuilder, sql } from 'kysely';
import { StartError } from '../start-error.ts';
import type { Side, StoredColumn } from './copy-columns.ts';
import { databaseFailure } from './failures.ts';
import type { Tables } from './schema.ts';

/** A table to copy. */
export interface CopiedTable {
  readonly name: keyof Tables;
  /** The column that a row is found by: an id or a text. */
  readonly key: string;
  /** Ours. */
  readonly columns: readonly string[];
  /** Those that the user added. */
  readonly own: readonly StoredColumn[];
}

/** MySQL 5.6 takes statements of 4 MB. */
const STATEMENT_BYTES = 1_000_000;

export type Row = Readonly<Record<string, unknown>>;
export type Key = string | number;

export function keyOf({ key }: CopiedTable, row: Row): Key {
  return row[key] as Key;
}

export function keyParam({ key }: CopiedTable, value: Key): bigint | Key {
  return key === 'id' ? BigInt(value) : value;
}

export async function select(
  { name, columns, own }: CopiedTable,
  { db, engine }: Side,
  where: ReturnType<typeof sql>,
): Promise<Row[]> {
  // By our own spelling: an adopted table may write its columns in capitals.
  const ours = columns.map((column) => sql`${sql.id(column)} AS ${sql.id(column)}`);
  const others = own.map((column) => {
    const ref = sql.id(column.name);
    return sql`${engine === 'mysql' ? asText(column) : ref} AS ${ref}`;
  });
  const floating = new Set(own.flatMap((column) => (column.kind === 'floating' ? [column.name] : [])));
  const { rows } =
    await sql<Row>`SELECT ${sql.join([...ours, ...others])} FROM ${sql.table(name)} WHERE ${where}`.execute(
      db,
    );
  return rows.map((row) =>
    Object.fromEntries(
      Object.entries(row).map(([column, value]) => [column, plain(column, value, floating)]),
    ),
  );
}

/** What the driver would round is read as a text. */
function asText({ name, kind }: StoredColumn): RawBuilder<unknown> {
  const ref = sql.id(name);
  // By itself MySQL prints six digits of a FLOAT.
  return kind === 'floating' ? sql`CONCAT(${ref} + 0E0)` : ref;
}

/** One form of a value on both sides. */
function plain(column: string, value: unknown, floating: ReadonlySet<string>): unknown {
  if (value === null) return null;
  if (value instanceof ArrayBuffer) return Buffer.from(value);
  // In an adopted table gender may be a text, and times may have no milliseconds, or microseconds.
  if (column === 'gender' && /^\d+$/.test(String(value))) return Number(value);
  if (/^(?:created|updated|last_login)_at$/.test(column))
    return String(value).replace(
      /^([^.]{19})(?:\.(\d*))?$/,
      (_all, time, part = '') => `${time}.${String(part).padEnd(3, '0').slice(0, 3)}`,
    );
  return floating.has(column) ? Number(value) : value;
}

export function textOf(row: Row | readonly unknown[]): string {
  return JSON.stringify(row);
}

/** Writes rows over those of the same keys. */
export async function write(copied: CopiedTable, to: Side, rows: readonly Row[]): Promise<void> {
  for (const part of inStatements(rows)) await writeStatement(copied, to, part);
}

function* inStatements(rows: readonly Row[]): Generator<Row[]> {
  let part: Row[] = [];
  let bytes = 0;
  for (const row of rows) {
    const size = textOf(row).length;
    if (part.length > 0 && bytes + size > STATEMENT_BYTES) {
      yield part;
      [part, bytes] = [[], 0];
    }
    part.push(row);
    bytes += size;
  }
  if (part.length > 0) yield part;
}

async function writeStatement(
  copied: CopiedTable,
  { db, engine }: Side,
  rows: readonly Row[],
): Promise<void> {
  const columns = [...copied.columns, ...copied.own.map(({ name }) => name)];
  const values = rows.map((row) => sql`(${sql.join(columns.map((column) => row[column]))})`);
  const set = columns
    .filter((column) => column !== copied.key)
    .map((column) => {
      const news = engine === 'mysql' ? sql`VALUES(${sql.id(column)})` : sql`excluded.${sql.id(column)}`;
      return sql`${sql.id(column)} = ${news}`;
    });
  const conflict =
    engine === 'mysql'
      ? sql`ON DUPLICATE KEY UPDATE`
      : sql`ON CONFLICT (${sql.id(copied.key)}) DO UPDATE SET`;
  await sql`INSERT INTO ${sql.table(copied.name)} (${sql.join(columns.map((column) => sql.id(column)))})
    VALUES ${sql.join(values)} ${conflict} ${sql.join(set)}`
    .execute(db)
    .catch((error: unknown) => {
      throw databaseFailure(error) ?? refusal(copied, error);
    });
}

/** Why the target does not take a row: without what is in it. */
function refusal({ name }: CopiedTable, error: unknown): unknown {
  const { code, message } = error as { code?: unknown; message?: string };
  if (typeof code !== 'string' || !/^(?:ER_|WARN_|SQLITE_)/.test(code)) return error;
  const [, column = '', other = ''] =
    /(?:column|field) [`'](?:[\w$]+`\.`)*([\w$]+)[`']|failed: (\w+\.\w+)/i.exec(message ?? '') ?? [];
  const where = column || other ? `, column ${column || other}` : '';
  return new StartError(
    `${name}: the target refuses a row (${code}${where}): make its column as it is in the source (SHOW CREATE TABLE), and run this again`,
  );
}

export async function remove(copied: CopiedTable, { db }: Side, keys: readonly Key[]): Promise<void> {
  if (keys.length === 0) return;
  const params = sql.join(keys.map((key) => keyParam(copied, key)));
  await sql`DELETE FROM ${sql.table(copied.name)} WHERE ${sql.id(copied.key)} IN (${params})`.execute(db);
}
