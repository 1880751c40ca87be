import { type Column, type Key, quoted, type Table } from '../mysql-table.ts';
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
  const loose = `DROP ${primary ? 'PRIMARY KEY' : `INDEX ${quoted(key.name)}`}, ADD INDEX (${columnsOf(table, key)})`;
  return {
    what: described(table, key),
    says: `${values}, and all but the first would be refused`,
    helps: [alterUsers(isOwn && open && !first?.generated ? open : loose)],
  };
}

/** Has a whole column that no two users share. */
function tellsUsersApart({ columns, prefixes }: Key): boolean {
  return columns.some((name, i) => ['id', 'user_id'].includes(name) && prefixes[i] === null);
}

/** A new user is NULL there, of which a unique key takes many, or has a value of their own. */
function leavesOpen({ nullable: mayBeNull, definition, generated, autoIncrement }: Column): boolean {
  if (generated) return false;
  if (autoIncrement || /DEFAULT \(?uuid\(\)/i.test(definition)) return true;
  return mayBeNull && !/ DEFAULT (?!NULL)/i.test(definition);
}

function described(table: Table, key: Key): string {
  const prefix = key.unique ? 'UNIQUE ' : /^(?:FULLTEXT|SPATIAL)$/i.test(key.type) ? `${key.type} ` : '';
  const kind = key.name === 'PRIMARY' ? 'PRIMARY KEY' : `${prefix}KEY ${key.name}`;
  return `${kind} (${columnsOf(table, key)})`;
}

function columnsOf({ columns }: Table, key: Key): string {
  return key.columns
    .map(
      (name, i) =>
        `${quoted(columns.get(name)?.name ?? name)}${key.prefixes[i] ? `(${key.prefixes[i]})` : ''}`,
    )
    .join(', ');
}
