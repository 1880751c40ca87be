import { sql } from 'kysely';
import type { Db, Engine } from './schema.ts';

/** A database to copy from or into. */
export interface Side {
  readonly url: string;
  readonly db: Db;
  readonly engine: Engine;
}

/** A column as a database describes it. */
export interface StoredColumn {
  readonly name: string;
  /** What `ALTER TABLE … ADD COLUMN` calls its type, in each engine. */
  readonly definition: Readonly<Record<Engine, string>>;
  readonly kind: 'plain' | 'floating' | 'geometry';
}

/** The columns of a table that are written, not computed; none if there is no such table. */
export async function columnsOf({ db, engine }: Side, table: string): Promise<StoredColumn[]> {
  const query =
    engine === 'mysql'
      ? sql<Record<string, string | null>>`
        SELECT COLUMN_NAME AS name, DATA_TYPE AS type, COLUMN_TYPE AS fullType, CHARACTER_SET_NAME AS charset
        FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ${table}
          AND EXTRA NOT REGEXP 'VIRTUAL|STORED|PERSISTENT' ORDER BY ORDINAL_POSITION`
      : sql<Record<string, string | null>>`
        SELECT name, LOWER(type) AS type, type AS fullType, NULL AS charset
        FROM pragma_table_xinfo(${table}) WHERE hidden = 0`;
  const { rows } = await query.execute(db);
  return rows.map((row) => {
    const [type, fullType] = [row['type']?.toLowerCase() ?? '', row['fullType'] ?? ''];
    const own = row['charset'] ? `${fullType} CHARACTER SET ${row['charset']}` : fullType;
    return {
      name: row['name'] ?? '',
      definition:
        engine === 'mysql' ? { mysql: own, sqlite: toSqlite(type) } : { mysql: toMysql(type), sqlite: own },
      kind: kindOf(type),
    };
  });
}

function kindOf(type: string): StoredColumn['kind'] {
  if (/floa|doub|real/.test(type)) return 'floating';
  return /geom|point|polygon|linestring|vector/.test(type) ? 'geometry' : 'plain';
}

function toSqlite(type: string): string {
  if (/int$|^year$/.test(type)) return 'INTEGER';
  if (/^(?:float|double)/.test(type)) return 'REAL';
  return /blob$|binary$|^bit$/.test(type) ? 'BLOB' : 'TEXT';
}

function toMysql(type: string): string {
  if (/int/.test(type)) return 'BIGINT';
  if (/real|floa|doub/.test(type)) return 'DOUBLE';
  return /blob/.test(type) ? 'LONGBLOB' : 'LONGTEXT CHARACTER SET utf8mb4';
}
