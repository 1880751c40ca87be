import { sql } from 'kysely';
import { defaultOf, isLiteral } from '../mysql-definition.ts';
import { type Column, type Key, quoted, type Table } from '../mysql-table.ts';
import type { Db } from '../schema.ts';
import { type Alteration, nullable } from './alterations.ts';
import { isOurs, KEYS } from './definitions.ts';
import { withoutPrimary } from './own-columns.ts';
import type { Problem } from './problem.ts';
import { alterUsers } from './statements.ts';

/** Unique keys that refuse what a login writes, and keys that have our names. */
export function problemsOfKeys(table: Table): Problem[] {
  return [...table.keys.values()].flatMap(
    (key) => problemOfName(table, key) ?? problemOfUnique(table, key) ?? [],
  );
}

/** Full-text keys whose columns would no longer be of one collation, without which the server takes none. */
export function problemsOfFulltext(table: Table, alterations: readonly Alteration[]): Problem[] {
  const collationOf = (name: string) => {
    const altered = alterations.find(({ column }) => column === name)?.clause;
    return / COLLATE (\w+)/.exec(altered ?? '')?.[1] ?? table.columns.get(name)?.collation;
  };
  return [...table.keys.values()].flatMap((key) => {
    const altered = key.columns.find((name) => alterations.some(({ column }) => column === name));
    const mixed = new Set(key.columns.map(collationOf)).size > 1;
    if (!/^FULLTEXT$/i.test(key.type) || altered === undefined || !mixed) return [];
    const says = `${table.columns.get(altered)?.name} must be altered, and a full-text key takes columns of one collation only; add keys of one column each afterwards`;
    return [{ what: described(table, key), says, helps: [alterUsers(`DROP INDEX ${quoted(key.name)}`)] }];
  });
}

function problemOfName(table: Table, key: Key): Problem | undefined {
  const ours = Object.entries(KEYS).find(([name]) => name === key.name)?.[1];
  if (!ours || (ours.columns.join() === key.columns.join() && ours.unique === key.unique)) return undefined;
  return {
    what: described(table, key),
    says: `a key of this name must be on ${ours.columns.join(', ')}`,
    helps: [alterUsers(`DROP INDEX ${quoted(key.name)}, ADD INDEX (${columnsOf(table, key)})`)],
  };
}

function problemOfUnique(table: Table, key: Key): Problem | undefined {
  if (!key.unique || tellsUsersApart(key)) return undefined;
  const columns = key.columns.flatMap((name) => table.columns.get(name) ?? []);
  const own = columns.filter((column) => !isOurs(column.name.toLowerCase()));
  const isOwn = own.length === key.columns.length;
  if (isOwn && own.some(leavesOpen)) return undefined;
  const primary = key.name === 'PRIMARY';
  // Its columns are named already, as without a default.
  if (isOwn && own.some((column) => !column.nullable && !column.hasDefault && column.type !== 'enum'))
    return undefined;
  const values = isOwn ? 'new users have the same there' : 'users may have the same there';
  const [first] = own;
  const open = primary ? withoutPrimary(table) : isOwn && first && nullable(first);
  return {
    what: described(table, key),
    says: `${values}, and all but the first would be refused`,
    helps: [alterUsers(isOwn && open && !first?.generated ? open : notUnique(table, key))],
  };
}

function notUnique(table: Table, key: Key): string {
  const dropped = key.name === 'PRIMARY' ? 'PRIMARY KEY' : `INDEX ${quoted(key.name)}`;
  return `DROP ${dropped}, ADD INDEX (${columnsOf(table, key)})`;
}

/**
 * Unique keys that hold openids apart by trailing blanks, as collations without padding do: the openid becomes a text
 * that is compared without them.
 */
export async function problemsOfBlanks(
  db: Db,
  table: Table,
  alterations: readonly Alteration[],
): Promise<Problem[]> {
  if (!alterations.some(({ column }) => column === 'user_id')) return [];
  const problems: Problem[] = [];
  for (const key of table.keys.values()) {
    if (
      !key.unique ||
      !key.columns.includes('user_id') ||
      !key.columns.every((name) => table.columns.has(name))
    )
      continue;
    const count = await countAlike(db, table, key, alterations);
    if (count > 0)
      problems.push({
        what: described(table, key),
        says: `${count} rows differ in trailing blanks only: they are one user, and are merged, which the key must not refuse`,
        helps: [alterUsers(notUnique(table, key))],
      });
  }
  return problems;
}

async function countAlike(
  db: Db,
  table: Table,
  { columns, prefixes }: Key,
  alterations: readonly Alteration[],
): Promise<number> {
  const values = columns.map((name, i) => {
    const prefix = prefixes[i] ?? null;
    const value = prefix === null ? sql`${sql.id(name)}` : sql`LEFT(${sql.id(name)}, ${sql.lit(prefix)})`;
    const becomes = alterations.some(({ column }) => column === name) && table.columns.get(name)?.collation;
    return becomes ? sql`CONVERT(${value} USING utf8mb4) COLLATE utf8mb4_bin` : value;
  });
  const given = columns.map((name) => sql`${sql.id(name)} IS NOT NULL`);
  const { rows } = await sql<{ n: number | string | null }>`
    SELECT SUM(n) AS n FROM (
      SELECT COUNT(*) AS n FROM wxuser WHERE ${sql.join(given, sql` AND `)} GROUP BY ${sql.join(values)} HAVING COUNT(*) > 1
    ) AS alike`.execute(db);
  return Number(rows[0]?.n ?? 0);
}

/** Has a whole column that no two users share. */
function tellsUsersApart({ columns, prefixes }: Key): boolean {
  return columns.some((name, i) => ['id', 'user_id'].includes(name) && prefixes[i] === null);
}

/** Each of them gives another value. */
const OF_THEIR_OWN = /\b(?:uuid|uuid_short|uuid_v\d|rand|random_bytes|nextval|sys_guid)\(/i;

/** A new user is NULL there, of which a unique key takes many, or has a value of their own. */
function leavesOpen({ nullable: mayBeNull, definition, generated, autoIncrement }: Column): boolean {
  if (generated) return false;
  if (autoIncrement) return true;
  const value = defaultOf(definition);
  return value === undefined ? mayBeNull : !isLiteral(value) && OF_THEIR_OWN.test(value);
}

function described(table: Table, key: Key): string {
  const prefix = key.unique ? 'UNIQUE ' : /^(?:FULLTEXT|SPATIAL)$/i.test(key.type) ? `${key.type} ` : '';
  const kind = key.name === 'PRIMARY' ? 'PRIMARY KEY' : `${prefix}KEY ${key.name}`;
  return `${kind} (${columnsOf(table, key)})`;
}

/** As a list in SQL. */
export function columnsOf({ columns }: Table, key: Key): string {
  return key.columns
    .map(
      (name, i) =>
        `${quoted(columns.get(name)?.name ?? name)}${key.prefixes[i] ? `(${key.prefixes[i]})` : ''}`,
    )
    .join(', ');
}
