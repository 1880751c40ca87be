import { sql } from 'kysely';
import { LARGEST_ID, type UserId } from '../user-id.ts';
import { largestOf } from './adoption/ids.ts';
import type { Side } from './copy-columns.ts';
import { idParam } from './id-param.ts';
import { describeTable } from './mysql-table.ts';
import { LARGEST_INTEGER } from './sqlite-statement.ts';

const CHUNK = 5000;

/** Ids and openids that the target cannot hold, or that are no user's. */
export async function idsInTheWay(from: Side, to: Side): Promise<string[]> {
  const { rows } = await sql<Record<'highest' | 'low' | 'nobodys', UserId | null>>`
    SELECT MAX(id) AS highest, SUM(id < 1) AS low, SUM(user_id IS NULL) AS nobodys FROM wxuser`.execute(
    from.db,
  );
  const { highest, low, nobodys } = rows[0] ?? {};
  const largest = await largestIdOf(to);
  return [
    ...(Number(low ?? 0) > 0 ? [`wxuser: ${low} users have an id below 1: give them other ids`] : []),
    ...(Number(nobodys ?? 0) > 0 && to.engine === 'sqlite'
      ? [
          `wxuser: ${nobodys} rows have no openid (user_id is NULL), which SQLite does not hold: they are nobody's, delete them in the source`,
        ]
      : []),
    ...(BigInt(highest ?? 0) > largest
      ? [`wxuser: the source has ids up to ${highest}, the target can hold ids up to ${largest}`]
      : []),
  ];
}

async function largestIdOf({ db, engine }: Side): Promise<bigint> {
  if (engine === 'sqlite') return LARGEST_INTEGER;
  const id = (await describeTable(db, 'wxuser'))?.columns.get('id');
  return id ? largestOf(id) : LARGEST_ID;
}

/** Users whom the target has and the source has not: they would be overwritten, or be left without their sessions. */
export async function strangers(from: Side, to: Side): Promise<string[]> {
  const found: UserId[] = [];
  let count = 0;
  for (let after: UserId = 0, more = true; more; ) {
    const there = await usersAfter(to, after, sql`ORDER BY id LIMIT ${sql.lit(CHUNK)}`);
    const last: UserId = there.at(-1)?.id ?? after;
    const here = there.length > 0 ? await usersAfter(from, after, sql`AND id <= ${idParam(last)}`) : [];
    const openids = new Map(here.map(({ id, openid }) => [id, openid]));
    const strange = there.filter(({ id, openid }) => openids.get(id) !== openid);
    count += strange.length;
    found.push(...strange.slice(0, 3 - found.length).map(({ id }) => id));
    more = there.length > 0;
    after = last;
  }
  if (count === 0) return [];
  return [
    `wxuser: the target has ${count} users whom the source has not, such as id ${found.join(', ')}. Name an empty database, or, if they were erased in the source since the last copy, delete them in the target`,
  ];
}

async function usersAfter({ db }: Side, after: UserId, rest: ReturnType<typeof sql>) {
  const { rows } = await sql<{ id: UserId; openid: string | null }>`
    SELECT id AS id, user_id AS openid FROM wxuser WHERE id > ${idParam(after)} ${rest}`.execute(db);
  return rows;
}
