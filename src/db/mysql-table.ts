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
  /** In MariaDB a column that may be NULL has one: `NULL`. */
  readonly hasDefault: boolean;
  readonly charset: string | null;
  readonly collation: string | null;
  readonly length: number;
  readonly autoIncrement: boolean;
  /** Computed from other columns: it cannot be written. */
  readonly generated: boolean;
  /** Set to the time of every UPDATE that does not name it. */
  readonly onUpdate: boolean;
  /** As `SHOW CREATE TABLE` has it, without the name: `varchar(20) NOT NULL DEFAULT '' COMMENT 'x'`. */
  readonly definition: string;
}

export interface Key {
  readonly name: string;
  readonly unique: boolean;
  /** In lower case, in order; empty for an expression. */
  readonly columns: readonly string[];
  /** How much of each column is in the key; null for all of it. */
  readonly prefixes: readonly (number | null)[];
  /** `BTREE`, `FULLTEXT`, … */
  readonly type: string;
}

export interface Table {
  /** `BASE TABLE`, `VIEW`, `SYSTEM VERSIONED`, … */
  readonly kind: string;
  readonly columns: ReadonlyMap<string, Column>;
  /** By name; the primary key is `PRIMARY`. */
  readonly keys: ReadonlyMap<string, Key>;
  /** The storage engine, such as `InnoDB`. */
  readonly engine: string;
  readonly partitioned: boolean;
  /** What `SHOW CREATE TABLE` says. */
  readonly definition: string;
  /** The server's estimate. */
  readonly rows: number;
}

/** Describes a table of the current database; column names in lower case, as MySQL compares them. */
export async function describeTable(db: Db, name: string): Promise<Table | undefined> {
  const tables = await sql<{ kind: string; engine: string | null; n: number; options: string | null }>`
    SELECT TABLE_TYPE AS kind, ENGINE AS engine, TABLE_ROWS AS n, CREATE_OPTIONS AS options
    FROM information_schema.TABLES
    WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ${name}
      AND (BINARY TABLE_NAME = ${name} OR @@lower_case_table_names <> 0)`.execute(db);
  const [table] = tables.rows;
  if (!table) return undefined;
  const definition = await readDefinition(db, name);
  return {
    kind: table.kind,
    columns: await readColumns(db, name, definition),
    keys: await readKeys(db, name),
    engine: table.engine ?? '',
    partitioned: /partitioned/i.test(table.options ?? ''),
    definition,
    rows: Number(table.n ?? 0),
  };
}

async function readDefinition(db: Db, name: string): Promise<string> {
  const { rows } = await sql<Record<string, string>>`SHOW CREATE TABLE ${sql.table(name)}`.execute(db);
  return String(rows[0]?.['Create Table'] ?? rows[0]?.['Create View'] ?? '');
}

async function readColumns(
  db: Db,
  name: string,
  tableDefinition: string,
): Promise<ReadonlyMap<string, Column>> {
  const { rows } = await sql<Record<string, string | number | null>>`
    SELECT COLUMN_NAME AS name, DATA_TYPE AS type, COLUMN_TYPE AS fullType, IS_NULLABLE AS nullable,
      COLUMN_DEFAULT AS value, CHARACTER_SET_NAME AS charset, COLLATION_NAME AS collation_,
      CHARACTER_MAXIMUM_LENGTH AS length, EXTRA AS extra
    FROM information_schema.COLUMNS
    WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ${name} ORDER BY ORDINAL_POSITION`.execute(db);
  const definitions = new Map(
    [...tableDefinition.matchAll(/^ {2}`((?:[^`]|``)+)` (.*?),?$/gm)].map(
      ([, column = '', definition = '']) => [column.replaceAll('``', '`'), definition],
    ),
  );
  return new Map(
    rows.map((row) => {
      const column = toColumn(row, definitions.get(String(row['name'])) ?? '');
      return [column.name.toLowerCase(), column];
    }),
  );
}

function toColumn(row: Readonly<Record<string, string | number | null>>, definition: string): Column {
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
    generated: /\b(?:VIRTUAL|STORED|PERSISTENT)\b/i.test(text('extra')),
    onUpdate: /on update/i.test(text('extra')),
    definition,
  };
}

async function readKeys(db: Db, name: string): Promise<ReadonlyMap<string, Key>> {
  const { rows } = await sql<{
    keyName: string;
    column: string | null;
    nonUnique: number;
    prefix: number | null;
    type: string;
  }>`
    SELECT INDEX_NAME AS keyName, COLUMN_NAME AS \`column\`, NON_UNIQUE AS nonUnique, SUB_PART AS prefix,
      INDEX_TYPE AS type
    FROM information_schema.STATISTICS
    WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ${name} ORDER BY INDEX_NAME, SEQ_IN_INDEX`.execute(db);
  const keys = new Map<string, Key>();
  for (const { keyName, column, nonUnique, prefix, type } of rows) {
    const { columns = [], prefixes = [] } = keys.get(keyName) ?? {};
    keys.set(keyName, {
      name: keyName,
      unique: Number(nonUnique) === 0,
      columns: [...columns, (column ?? '').toLowerCase()],
      prefixes: [...prefixes, prefix === null ? null : Number(prefix)],
      type,
    });
  }
  return keys;
}

/** A name as SQL. */
export const quoted = (name: string): string => `\`${name.replaceAll('`', '``')}\``;
