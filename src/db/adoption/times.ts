import { sql } from 'kysely';
import { type Column, quoted, type Table } from '../mysql-table.ts';
import type { Db } from '../schema.ts';
import type { Step } from '../steps.ts';
import { isBegun, nullable, timestampClause, zonelessTimes } from './alterations.ts';
import type { Problem } from './problem.ts';
import { alterUsers, boundLocks, updateUsers } from './statements.ts';

export const UTC = '+00:00';

/** Times of which the table does not say in which time zone they are. */
export async function problemsOfTimes(
  db: Db,
  table: Table,
  timezone: string | undefined,
): Promise<Problem[]> {
  if (isBegun(table) || timezone === UTC) return [];
  const problems: Problem[] = [];
  for (const column of zonelessTimes(table)) {
    const { given, outside } = await count(db, column);
    const what = `${column.name} ${column.definition}`;
    if (timezone === undefined && given > 0)
      problems.push({
        what,
        says:
          `it has ${given} times, and does not say of which time zone. Set DB_TIMEZONE=+08:00 if they are Beijing time ` +
          '(it becomes a TIMESTAMP, which is right in every time zone), or DB_TIMEZONE=+00:00 if they are UTC (it stays as it is)',
        helps: [],
      });
    const value = defaultOf(column);
    if (timezone !== undefined && value !== undefined && !isMoment(value))
      problems.push({
        what,
        says: 'its default cannot be in a TIMESTAMP, which reaches from 1970 to 2038',
        helps: [alterUsers(nullable(column))],
      });
    if (timezone !== undefined && outside > 0)
      problems.push({
        what,
        says: `${outside} of its times cannot be in a TIMESTAMP, which takes days of the calendar from 1970 to 2038`,
        helps: [
          ...(column.nullable ? [] : [alterUsers(nullable(column))]),
          updateUsers(table, `${quoted(column.name)} = NULL`, outsideOf(column)),
        ],
      });
  }
  return problems;
}

/** Days such as the 31st of February, which rows that are merged could not keep. */
export async function problemsOfDays(db: Db, table: Table, timezone: string | undefined): Promise<Problem[]> {
  const named = isBegun(table) || timezone === undefined || timezone === UTC ? [] : zonelessTimes(table);
  const problems: Problem[] = [];
  for (const column of table.columns.values()) {
    if (!/^date(?:time)?$/.test(column.type) || column.generated || named.includes(column)) continue;
    const invalid = isInvalid(quoted(column.name));
    const { rows } = await sql<{ n: number | null }>`
      SELECT COUNT(*) AS n FROM wxuser WHERE ${sql.raw(invalid)}`.execute(db);
    const n = Number(rows[0]?.n ?? 0);
    if (n > 0)
      problems.push({
        what: `${column.name} ${column.definition}`,
        says: `${n} of its days are in no calendar, such as a 31st of February, and could not be kept where rows are merged`,
        helps: [
          ...(column.nullable ? [] : [alterUsers(nullable(column))]),
          updateUsers(table, `${quoted(column.name)} = NULL`, invalid),
        ],
      });
  }
  return problems;
}

/** Makes moments of an adopted table's local times: their instants are kept, and stay right for its old server too. */
export async function zoneSteps(db: Db, table: Table, timezone: string | undefined): Promise<Step[]> {
  if (isBegun(table) || timezone === undefined || timezone === UTC) return [];
  const clauses = zonelessTimes(table).map(timestampClause);
  if (clauses.length === 0) return [];
  const what = `read the times of wxuser as ${timezone}: ${clauses.join(', ')}`;
  return [
    {
      what,
      run: () => inZone(db, timezone, () => sql.raw(alterUsers(clauses.join(', '))).execute(db)),
    },
  ];
}

export async function inZone(db: Db, timezone: string, work: () => Promise<unknown>): Promise<void> {
  await boundLocks(db);
  await sql`SET SESSION time_zone = ${timezone}`.execute(db);
  try {
    await work();
  } finally {
    await sql`SET SESSION time_zone = ${UTC}`.execute(db);
  }
}

/** The time that a column begins with, where that is a constant. */
function defaultOf({ definition }: Column): string | undefined {
  return /^datetime(?:\(\d\))?(?: (?:NOT )?NULL)? DEFAULT '(\d{4}-\d\d-\d\d)/i.exec(definition)?.[1];
}

/** Whether a TIMESTAMP takes a day in every time zone. */
function isMoment(day: string): boolean {
  if (day === '0000-00-00') return true;
  const time = Date.parse(`${day}T00:00:00Z`);
  // A day such as the 31st of February is another one, or none.
  const exists = !Number.isNaN(time) && new Date(time).toISOString().startsWith(day);
  return exists && day >= '1970-01-02' && day < '2038-01-18';
}

/** A day such as the 31st of February. */
const isInvalid = (name: string) => `DAY(${name}) > DAY(LAST_DAY(DATE_FORMAT(${name}, '%Y-%m-01')))`;

/** `0000-00-00` is no time at all, and can be in both. */
const outsideOf = ({ name }: Column) =>
  `(${name} < '1970-01-02' OR ${name} > '2038-01-18' OR MONTH(${name}) = 0 OR DAY(${name}) = 0 OR ${isInvalid(name)}) AND ${name} <> 0`;

async function count(db: Db, column: Column): Promise<{ given: number; outside: number }> {
  const { rows } = await sql<{ given: number | null; outside: number | null }>`
    SELECT SUM(MONTH(${sql.id(column.name)}) <> 0 AND DAY(${sql.id(column.name)}) <> 0) AS given, SUM(${sql.raw(outsideOf(column))}) AS outside FROM wxuser`.execute(
    db,
  );
  return { given: Number(rows[0]?.given ?? 0), outside: Number(rows[0]?.outside ?? 0) };
}
