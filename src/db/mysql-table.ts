import { sql } from 'kysely';
import type { Db } from './schema.ts';

/** A column as MySQL describes it. */
export interface Column {
  readonly name: string;
  /** `varchar`, `int`, … */
  readonly type: string;
  /** `varchar(255)`, `int(10) unsigned`, … */
  readonly fullType: string;
  readonly nullable: boolean;
  readonly hasDefault: boolean;
  readonly charset: string | null;
  readonly collation: string | null;
  readonly length: number;
  readonly autoIncrement: boolean;
  readonly comment: string;
}

export interface Table {
  readonly columns: ReadonlyMap<string, Column>;
  /** The columns of each key, in order, by the key's name; the primary key is `PRIMARY`. */
  readonly keys: ReadonlyMap<string, readonly string[]>;
  readonly uniqueKeys: ReadonlySet<string>;
  /** The storage engine, such as `InnoDB`. */
  readonly engine: string;
  /** The server's estimate. */
  readonly rows: number;
}

/** Describes a table of the current database; column names in lower case, as MySQL compares them. */
export async function describeTable(db: Db, name: string): Promise<Table | undefined> {
  const tables = await sql<{ kind: string; engine: string; n: number }>`
    SELECT TABLE_TYPE AS kind, ENGINE AS engine, TABLE_ROWS AS n FROM information_schema.TABLES
    WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ${name}`.execute(db);
  const [table] = tables.rows;
  if (!table) return undefined;
  if (table.kind !== 'BASE TABLE')
    throw new Error(`${name} is a view, not a table: rename it, and start again`);

  const columns = await sql<Record<string, string | number | null>>`
    SELECT COLUMN_NAME AS name, DATA_TYPE AS type, COLUMN_TYPE AS fullType, IS_NULLABLE AS nullable,
      COLUMN_DEFAULT AS value, CHARACTER_SET_NAME AS charset, COLLATION_NAME AS collation_,
      CHARACTER_MAXIMUM_LENGTH AS length, EXTRA AS extra, COLUMN_COMMENT AS comment
    FROM information_schema.COLUMNS
    WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ${name} ORDER BY ORDINAL_POSITION`.execute(db);
  const statistics = await sql<{ keyName: string; name: string; nonUnique: number }>`
    SELECT INDEX_NAME AS keyName, COLUMN_NAME AS name, NON_UNIQUE AS nonUnique FROM information_schema.STATISTICS
    WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ${name} ORDER BY INDEX_NAME, SEQ_IN_INDEX`.execute(db);

  const keys = new Map<string, string[]>();
  for (const { keyName, name: column } of statistics.rows) {
    keys.set(keyName, [...(keys.get(keyName) ?? []), column.toLowerCase()]);
  }
  return {
    columns: new Map(columns.rows.map((row) => [String(row['name']).toLowerCase(), toColumn(row)])),
    keys,
    uniqueKeys: new Set(
      statistics.rows.filter((row) => Number(row.nonUnique) === 0).map((row) => row.keyName),
    ),
    engine: table.engine,
    rows: Number(table.n ?? 0),
  };
}

function toColumn(row: Record<string, string | number | null>): Column {
  const text = (name: string) => String(row[name] ?? '');
  return {
    name: text('name'),
    type: text('type').toLowerCase(),
    fullType: text('fullType'),
    nullable: text('nullable') === 'YES',
    hasDefault: row['value'] !== null,
    charset: row['charset'] === null ? null : text('charset'),
    collation: row['collation_'] === null ? null : text('collation_'),
    length: Number(row['length'] ?? 0),
    autoIncrement: text('extra').includes('auto_increment'),
    comment: text('comment'),
  };
}
