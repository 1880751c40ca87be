import { sql } from 'kysely';
import { defaultOf, only, without } from '../mysql-definition.ts';
import { type Column, quoted, type Table } from '../mysql-table.ts';
import type { Db } from '../schema.ts';
import { COLUMNS, ID } from './definitions.ts';
import { idIsUnique } from './ids.ts';

/** A clause of an ALTER TABLE, and the existing column, in lower case, that it changes. */
export interface Alteration {
  readonly column?: string;
  readonly clause: string;
}

/** The longest text of four bytes a character whose key, with the appid, is within the 767 bytes of MySQL 5.6. */
const LONGEST_KEYED = 175;
const TIMES = ['created_at', 'updated_at', 'last_login_at'];

/** What makes the columns of a table fit; nothing where they do. */
export async function alterationsOf(db: Db, table: Table): Promise<Alteration[]> {
  const alterations = [...engineChange(table), ...idChanges(table)];
  for (const [name, definition] of Object.entries(COLUMNS)) {
    const column = table.columns.get(name.toLowerCase());
    if (!column) alterations.push({ clause: `ADD COLUMN ${name} ${definition}` });
    else alterations.push(...(await changesOf(db, name, column)));
  }
  return alterations;
}

/** Whether the columns were added already, by a run that was interrupted. */
export const isBegun = ({ columns }: Table): boolean =>
  columns.has('session_generation') && columns.has('own_avatar');

/** Adopted times that say no time zone; a TIMESTAMP has none to say. */
export function zonelessTimes({ columns }: Table): Column[] {
  return TIMES.flatMap((name) => columns.get(name) ?? []).filter(({ type }) => type === 'datetime');
}

/** Makes a moment of a time of the session's time zone. */
export function timestampClause(column: Column): string {
  const type = column.fullType.replace(/^datetime/i, 'TIMESTAMP');
  return `MODIFY COLUMN ${column.name} ${type} NULL${withoutOnUpdate(column)}`;
}

/** A MyISAM table knows no transactions, and may lose rows in a crash. Its row formats are its own. */
function engineChange({ engine }: Table): Alteration[] {
  return /^(?:MyISAM|Aria|MEMORY)$/i.test(engine) ? [{ clause: 'ENGINE=InnoDB ROW_FORMAT=DEFAULT' }] : [];
}

/** An id that counts up by itself, beside whatever primary key there is. */
function idChanges(table: Table): Alteration[] {
  const { columns, keys } = table;
  const id = columns.get('id');
  const free = !keys.has('PRIMARY');
  if (!id) return [{ clause: `ADD COLUMN ${ID} ${free ? 'PRIMARY KEY' : 'UNIQUE'} FIRST` }];
  const key = free ? 'ADD PRIMARY KEY (id)' : 'ADD UNIQUE KEY wxuser_id (id)';
  const counting = `MODIFY COLUMN id ${id.fullType} NOT NULL AUTO_INCREMENT${commentOf(id)}`;
  return [
    ...(idIsUnique(table) ? [] : [{ clause: key }]),
    ...(id.autoIncrement ? [] : [{ column: 'id', clause: counting }]),
  ];
}

async function changesOf(db: Db, name: string, column: Column): Promise<Alteration[]> {
  const modify = (definition: string) => [
    { column: name.toLowerCase(), clause: `MODIFY COLUMN ${column.name} ${definition}` },
  ];
  const missesDefault = !column.nullable && !column.hasDefault;
  const asIs = `${column.fullType}${charsetOf(column)}`;
  switch (name) {
    case 'appid':
    case 'user_id':
    case 'unionid': {
      const type = await identifierType(db, column);
      const nullable = name === 'user_id' ? column.nullable : name === 'unionid';
      const keeps =
        type === undefined && nullable === column.nullable && !(name === 'appid' && missesDefault);
      if (keeps) return [];
      const rest = name === 'appid' ? withDefault(column, "''") : restOf(column);
      return modify(`${type ?? asIs} ${nullable ? 'NULL' : 'NOT NULL'}${rest}`);
    }
    case 'nickName':
      return textFits(column, 64) ? [] : modify(`${textType(column, 64)} NULL${restOf(column)}`);
    case 'avatar':
      return textFits(column, 512) ? [] : modify(`${textType(column, 512)} NULL${restOf(column)}`);
    case 'phone': {
      const short = column.length < 16; // + and 15 digits
      if (!short && !missesDefault) return [];
      const nullable = column.nullable || missesDefault ? 'NULL' : 'NOT NULL';
      return modify(`${short ? `VARCHAR(32)${charsetOf(column)}` : asIs} ${nullable}${restOf(column)}`);
    }
    case 'gender':
      // A number that is written into an ENUM is the place of a label, not a label.
      if (column.type === 'enum') {
        const nullable = column.nullable ? ' NULL' : ' NOT NULL';
        return modify(`VARCHAR(8)${charsetOf(column)}${nullable}${withDefault(column, "'0'")}`);
      }
      return missesDefault ? modify(`${asIs} NULL${restOf(column)}`) : [];
    case 'created_at':
    case 'updated_at':
    case 'last_login_at': {
      const moves = name === 'created_at' && column.onUpdate;
      if (!moves && !missesDefault) return [];
      const nullable = column.nullable || missesDefault ? 'NULL' : 'NOT NULL';
      return modify(`${asIs} ${nullable}${moves ? withoutOnUpdate(column) : restOf(column)}`);
    }
    default:
      return [];
  }
}

/**
 * What a text that identifies something becomes, compared byte by byte, in ascii for its key to fit; undefined where it is that already.
 * One that is no identifier at all keeps its letters.
 */
async function identifierType(db: Db, column: Column): Promise<string | undefined> {
  const name = sql.id(column.name);
  const { rows } = await sql<{ foreign: number | null; longest: number | null }>`
    SELECT SUM(${name} <> CONVERT(${name} USING ascii)) AS \`foreign\`, MAX(CHAR_LENGTH(${name})) AS longest
    FROM wxuser`.execute(db);
  const charset = Number(rows[0]?.foreign ?? 0) === 0 ? 'ascii' : 'utf8mb4';
  const longest = Number(rows[0]?.longest ?? 0);
  const declared = column.type.endsWith('text') ? longest : column.length;
  const kept = charset === 'ascii' ? declared : Math.min(declared, Math.max(longest, LONGEST_KEYED));
  const length = Math.max(64, kept);
  const fits = column.type === 'varchar' && column.collation === `${charset}_bin` && column.length === length;
  return fits ? undefined : `VARCHAR(${length}) CHARACTER SET ${charset} COLLATE ${charset}_bin`;
}

/** A text of ours takes emoji and NULL, and is long enough; its length never shrinks. */
function textFits(column: Column, least: number): boolean {
  return column.charset === 'utf8mb4' && isRoomy(column, least) && column.nullable;
}

function textType(column: Column, least: number): string {
  const keepsText = column.type.endsWith('text') && isRoomy(column, least);
  const type = keepsText ? column.fullType : `VARCHAR(${Math.max(least, column.length)})`;
  const collation = column.charset === 'utf8mb4' ? column.collation : 'utf8mb4_unicode_ci';
  return `${type} CHARACTER SET utf8mb4 COLLATE ${collation}`;
}

/** A TEXT is measured in bytes. */
function isRoomy({ type, length }: Column, least: number): boolean {
  return length >= (type.endsWith('text') ? 4 * least : least);
}

function charsetOf({ charset, collation }: Column): string {
  return charset ? ` CHARACTER SET ${charset} COLLATE ${collation}` : '';
}

/** With the blank before it. */
const following = (clauses: string) => (clauses === '' ? '' : ` ${clauses}`);

/** Of a definition what follows the type and NULL: the default, what happens on an UPDATE, the comment. */
function restOf({ definition }: Column): string {
  return following(without(definition, 'type', 'charset', 'null'));
}

function withoutOnUpdate({ definition }: Column): string {
  return following(without(definition, 'type', 'charset', 'null', 'onUpdate'));
}

/** With a default in place of none, or of NULL. */
function withDefault({ definition }: Column, value: string): string {
  const rest = without(definition, 'type', 'charset', 'null', 'default');
  return ` DEFAULT ${defaultOf(definition) ?? value}${following(rest)}`;
}

/** The comment of a column, with the blank before it. */
export const commentOf = ({ definition }: Column): string => following(only(definition, 'comment'));

/** A column by another name, as it is. */
export function renamed(column: Column, name: string): string {
  return `CHANGE ${quoted(column.name)} ${quoted(name)} ${column.definition}`;
}

/** A column as it is, but for NULL. */
export function nullable({ name, definition }: Column): string {
  const type = only(definition, 'type', 'charset');
  const rest = without(definition, 'type', 'charset', 'null', 'default');
  return `MODIFY ${quoted(name)} ${type} NULL${following(rest)}`;
}
