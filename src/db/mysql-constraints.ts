import { sql } from 'kysely';
import type { Table } from './mysql-table.ts';
import type { Db } from './schema.ts';

export interface Trigger {
  readonly name: string;
  /** `BEFORE UPDATE` */
  readonly when: string;
}

/** A foreign key that begins or ends at a table. */
export interface ForeignKey {
  readonly name: string;
  /** The table that has it, with its database where that is another one. */
  readonly table: string;
  readonly column: string;
  /** With its database where that is another one. */
  readonly referencedTable: string;
  readonly referencedColumn: string;
  /** `CASCADE`, `RESTRICT`, … */
  readonly onDelete: string;
}

/** A CHECK of a column or a table. */
export interface Check {
  /** Of a constraint with a name; a column's own CHECK has none. */
  readonly name: string | undefined;
  /** In lower case. */
  readonly columns: ReadonlySet<string>;
  /** The column that it belongs to, in lower case. */
  readonly column: string | undefined;
}

/** Those that the user may see. */
export async function triggersOf(db: Db, table: string): Promise<Trigger[]> {
  const { rows } = await sql<Trigger>`
    SELECT TRIGGER_NAME AS name, CONCAT(ACTION_TIMING, ' ', EVENT_MANIPULATION) AS \`when\`
    FROM information_schema.TRIGGERS WHERE EVENT_OBJECT_SCHEMA = DATABASE() AND EVENT_OBJECT_TABLE = ${table}
    ORDER BY TRIGGER_NAME`.execute(db);
  return rows;
}

/** Those of the table itself, and those of other tables on it. */
export async function foreignKeysOf(db: Db, table: string): Promise<ForeignKey[]> {
  const { rows } = await sql<ForeignKey>`
    SELECT k.CONSTRAINT_NAME AS name, IF(k.TABLE_SCHEMA = DATABASE(), k.TABLE_NAME, CONCAT(k.TABLE_SCHEMA, '.', k.TABLE_NAME)) AS \`table\`,
      k.COLUMN_NAME AS \`column\`,
      IF(k.REFERENCED_TABLE_SCHEMA = DATABASE(), k.REFERENCED_TABLE_NAME, CONCAT(k.REFERENCED_TABLE_SCHEMA, '.', k.REFERENCED_TABLE_NAME)) AS referencedTable,
      k.REFERENCED_COLUMN_NAME AS referencedColumn,
      r.DELETE_RULE AS onDelete
    FROM information_schema.KEY_COLUMN_USAGE k JOIN information_schema.REFERENTIAL_CONSTRAINTS r
      ON r.CONSTRAINT_SCHEMA = k.CONSTRAINT_SCHEMA AND r.CONSTRAINT_NAME = k.CONSTRAINT_NAME AND r.TABLE_NAME = k.TABLE_NAME
    WHERE k.TABLE_SCHEMA = DATABASE() AND k.TABLE_NAME = ${table} AND k.REFERENCED_TABLE_NAME IS NOT NULL
      OR k.REFERENCED_TABLE_SCHEMA = DATABASE() AND k.REFERENCED_TABLE_NAME = ${table}
    ORDER BY 2, 1`.execute(db);
  return rows;
}

/** As `SHOW CREATE TABLE` has them: each server keeps them elsewhere in its information_schema. */
export function checksOf({ definition }: Table): Check[] {
  return definition.split('\n').flatMap((line) => {
    const bare = line.replace(/'(?:[^'\\]|\\.?)*'?/g, "''");
    const [before, clause] = bare.split(/ CHECK (?=\()/);
    if (clause === undefined || before === undefined) return [];
    const [, name] = /^ {2}CONSTRAINT `((?:[^`]|``)+)`$/.exec(before) ?? [];
    const [, column] = /^ {2}`((?:[^`]|``)+)` /.exec(before) ?? [];
    const columns = [...clause.matchAll(/`((?:[^`]|``)+)`/g)].map(([, each = '']) =>
      each.replaceAll('``', '`').toLowerCase(),
    );
    return [
      {
        name: name?.replaceAll('``', '`'),
        columns: new Set(columns),
        column: column?.replaceAll('``', '`').toLowerCase(),
      },
    ];
  });
}
