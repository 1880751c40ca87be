import type { Hash } from 'node:crypto';
import { sql } from 'kysely';
import { StartError } from '../start-error.ts';
import type { Side } from './copy-columns.ts';
import {
  type CopiedTable,
  type Key,
  keyOf,
  keyParam,
  type Row,
  remove,
  select,
  textOf,
  write,
} from './copy-rows.ts';
import type { Report } from './steps.ts';

const CHUNK = 1000;
/** A picture of each user's may be among the columns of the user's own. */
const CHUNK_WITH_OWN = 100;
const TELL_EVERY = 20_000;

/** Writes the rows that the target has not, or has otherwise. @returns how many */
export async function copyTable(copied: CopiedTable, from: Side, to: Side, report: Report): Promise<number> {
  const { rows: counted } = await sql<{
    n: number;
  }>`SELECT COUNT(*) AS n FROM ${sql.table(copied.name)}`.execute(from.db);
  let [done, written] = [0, 0];
  for await (const [rows, there] of sideBySide(copied, from, to)) {
    const known = new Map(there.map((row) => [keyOf(copied, row), textOf(row)]));
    const news = rows.filter((row) => known.get(keyOf(copied, row)) !== textOf(row));
    await write(copied, to, news);
    for (const row of rows) known.delete(keyOf(copied, row));
    // Users are never deleted: there are none whom the source has not, and each has rows in other tables.
    if (copied.name !== 'wxuser') await remove(copied, to, [...known.keys()]);
    written += news.length;
    if (Math.floor((done + rows.length) / TELL_EVERY) > Math.floor(done / TELL_EVERY))
      report(`${done + rows.length} of ${counted[0]?.n} rows of ${copied.name} (${written} written)`);
    done += rows.length;
  }
  return written;
}

/** Compares every column of every row. @returns how many rows there are. @throws {StartError} for the first that differs */
export async function compareTable(copied: CopiedTable, from: Side, to: Side, hash: Hash): Promise<number> {
  let count = 0;
  for await (const [rows, there] of sideBySide(copied, from, to)) {
    for (let i = 0; i < Math.max(rows.length, there.length); i++) {
      const difference = differenceOf(copied, rows[i], there[i]);
      if (difference)
        throw new StartError(
          `${copied.name} differs in the end: ${difference}. Somebody logged in meanwhile (run it again, with the server stopped), or the target keeps this in another form (compare SHOW CREATE TABLE on both sides)`,
        );
    }
    for (const row of rows) hash.update(textOf(row));
    count += rows.length;
  }
  return count;
}

function differenceOf(
  copied: CopiedTable,
  here: Row | undefined,
  there: Row | undefined,
): string | undefined {
  if (!here || !there || keyOf(copied, here) !== keyOf(copied, there))
    return `a row is on one side only${copied.key === 'id' ? ` (id ${here?.['id'] ?? there?.['id']})` : ''}`;
  const columns = Object.keys(here).filter((column) => textOf([here[column]]) !== textOf([there[column]]));
  return columns.length > 0
    ? `${columns.join(', ')} of a row${copied.key === 'id' ? ` (id ${here['id']})` : ''}`
    : undefined;
}

/** The rows of both sides in the order of their keys, part by part. */
async function* sideBySide(copied: CopiedTable, from: Side, to: Side): AsyncGenerator<[Row[], Row[]]> {
  const key = sql.id(copied.key);
  const chunk = copied.own.length > 0 ? CHUNK_WITH_OWN : CHUNK;
  for (let after: Key | undefined, more = true; more; ) {
    const begin = after === undefined ? sql`1 = 1` : sql`${key} > ${keyParam(copied, after)}`;
    const rows: Row[] = await select(copied, from, sql`${begin} ORDER BY ${key} LIMIT ${sql.lit(chunk)}`);
    const last = rows.at(-1);
    const end = last ? sql`AND ${key} <= ${keyParam(copied, keyOf(copied, last))}` : sql``;
    yield [rows, await select(copied, to, sql`${begin} ${end} ORDER BY ${key}`)];
    after = last ? keyOf(copied, last) : after;
    more = last !== undefined;
  }
}
