import { checksOf } from '../mysql-constraints.ts';
import { only, without } from '../mysql-definition.ts';
import { type Column, quoted, type Table } from '../mysql-table.ts';
import { type Alteration, nullable, renamed } from './alterations.ts';
import { isOurs } from './definitions.ts';
import type { Problem } from './problem.ts';
import { alterUsers } from './statements.ts';

const ownColumns = ({ columns }: Table): Column[] =>
  [...columns].filter(([name]) => !isOurs(name)).map(([, column]) => column);

/** Own columns that a login, which does not know them, cannot leave out. */
export function problemsOfOwnColumns(table: Table): Problem[] {
  return ownColumns(table).flatMap((column) => {
    if (column.autoIncrement) return [problemOfCounting(table, column)];
    // An ENUM without a default begins with its first label.
    const fills = column.nullable || column.hasDefault || column.generated || column.type === 'enum';
    if (fills) return [];
    const primary = table.keys.get('PRIMARY')?.columns.includes(column.name.toLowerCase());
    return [
      {
        what: `${column.name} ${column.definition}`,
        says: 'it has no default, so every new user would be refused',
        helps: [alterUsers(primary ? withoutPrimary(table) : opened(table, column))],
      },
    ];
  });
}

/** A SPATIAL key takes no column that may be NULL. */
function opened({ keys }: Table, column: Column): string {
  const spatial = [...keys.values()].filter(
    ({ type, columns }) => /^SPATIAL$/i.test(type) && columns.includes(column.name.toLowerCase()),
  );
  return [...spatial.map(({ name }) => `DROP INDEX ${quoted(name)}`), nullable(column)].join(', ');
}

/** Computed columns whose values may change with a column that must be altered. */
export function problemsOfComputed(table: Table, alterations: readonly Alteration[]): Problem[] {
  const altered = alterations.flatMap(({ column }) => column ?? []);
  return ownColumns(table).flatMap(({ name, generated, definition }) => {
    const from = generated && altered.find((column) => computedFrom(definition, column));
    if (!from) return [];
    const says = `it is computed from ${from}, which must be altered, and may come out otherwise; add it again afterwards`;
    const helps = [alterUsers(withoutComputed(table, name))];
    return [{ what: `${name} ${definition}`, says, helps }];
  });
}

/** Drops a computed column with the CHECKs that name it and the columns that are computed from it. */
function withoutComputed(table: Table, first: string): string {
  const dropped = [first];
  for (const each of dropped)
    for (const { name, generated, definition } of table.columns.values())
      if (generated && !dropped.includes(name) && computedFrom(definition, each)) dropped.push(name);
  const checks = checksOf(table).filter(({ columns }) =>
    dropped.some((name) => columns.has(name.toLowerCase())),
  );
  return [
    ...checks.flatMap(({ name }) => (name === undefined ? [] : `DROP CONSTRAINT ${quoted(name)}`)),
    ...dropped.map((name) => `DROP COLUMN ${quoted(name)}`),
  ].join(', ');
}

const computedFrom = (definition: string, column: string) =>
  only(definition, 'computed').toLowerCase().includes(quoted(column.toLowerCase()));

/** A table counts up by one column, and that is the id. */
function problemOfCounting({ columns }: Table, column: Column): Problem {
  const still = without(column.definition, 'counting');
  const help = columns.has('id') ? `MODIFY ${quoted(column.name)} ${still}` : renamed(column, 'id');
  return {
    what: `${column.name} ${column.definition}`,
    says: 'it counts up by itself, which in a table one column can do, and the id must',
    helps: [alterUsers(help)],
  };
}

/** Makes a unique key of the primary key, whose own columns may then be NULL. */
export function withoutPrimary({ columns, keys }: Table): string {
  const names = keys.get('PRIMARY')?.columns ?? [];
  const key = names.map((name) => quoted(columns.get(name)?.name ?? name)).join(', ');
  const opened = names
    .filter((name) => !isOurs(name))
    .flatMap((name) => columns.get(name) ?? [])
    .map(nullable);
  return ['DROP PRIMARY KEY', `ADD UNIQUE KEY (${key})`, ...opened].join(', ');
}

/** What the server writes into own columns while we write. */
export function notesOfOwnColumns(table: Table): string[] {
  const filled = ownColumns(table).filter(
    ({ type, definition }) =>
      type === 'datetime' && /current_timestamp/i.test(only(definition, 'default', 'onUpdate')),
  );
  return filled.map(
    ({ name }) =>
      `${name} is filled in by the server, and for users who log in here that is in UTC: a TIMESTAMP is right in every time zone`,
  );
}
