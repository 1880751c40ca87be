import { sql } from 'kysely';
import { LARGEST_ID } from '../../user-id.ts';
import { largestOf } from '../adoption/ids.ts';
import { describeTable } from '../mysql-table.ts';
import type { Db, Engine } from '../schema.ts';
import type { Change, Report, Step } from '../steps.ts';

/** The Koa tutorial's users, `user(id, openid)`: copied with their ids; their table stays as it is. */
export function koaUser(engine: Engine, report: Report): Change {
  return { plan: async (db) => (engine === 'mysql' ? plan(db, report) : []) };
}

async function plan(db: Db, report: Report): Promise<Step[]> {
  const table = await describeTable(db, 'user');
  if (table?.kind !== 'BASE TABLE') return []; // a view
  const [id, openid] = [table.columns.get('id'), table.columns.get('openid')];
  if (!id || !openid || !/int$/.test(id.type) || !/char$|text$/.test(openid.type)) return [];

  const wxuser = await describeTable(db, 'wxuser');
  const idOfWxuser = wxuser?.columns.get('id');
  const largest = idOfWxuser ? largestOf(idOfWxuser) : LARGEST_ID;
  const { users, unfit, strangers, missing } = await compare(db, wxuser !== undefined, largest);
  if (unfit > 0) {
    report(
      `the table user (${users} openids) is not imported: ${unfit} of its ids are below 1 or above ${largest}`,
    );
    return [];
  }
  if (strangers > 0) {
    report(
      `the table user (${users} openids) is not imported: ${strangers} of its ids or openids are another user's in wxuser`,
    );
    return [];
  }
  if (missing === 0) return [];
  return [
    { what: `import ${missing} users of the Koa tutorial's table user, with their ids`, run: () => copy(db) },
  ];
}

/** The lowest id of each openid; a later row of the same openid is a duplicate, and nobody's token names it. */
const FIRSTS = sql`(SELECT MIN(id) AS id, MIN(openid) AS openid FROM \`user\`
  WHERE openid <> '' AND openid = CONVERT(openid USING ascii) AND CHAR_LENGTH(openid) <= 64 GROUP BY BINARY openid)`;

async function compare(db: Db, wxuserIsThere: boolean, largest: bigint) {
  const there = wxuserIsThere
    ? sql`SUM(w.id IS NOT NULL AND BINARY w.user_id <> BINARY u.openid OR o.id IS NOT NULL AND o.id <> u.id) AS strangers,
        SUM(w.id IS NULL) AS missing FROM ${FIRSTS} AS u
        LEFT JOIN wxuser w ON w.id = u.id
        LEFT JOIN wxuser o ON o.user_id = CONVERT(u.openid USING ascii)`
    : sql`0 AS strangers, COUNT(*) AS missing FROM ${FIRSTS} AS u`;
  const { rows } = await sql<Record<string, number>>`SELECT COUNT(*) AS users,
    SUM(u.id < 1 OR u.id > ${largest}) AS unfit, ${there}`.execute(db);
  const of = (name: string) => Number(rows[0]?.[name] ?? 0);
  return { users: of('users'), unfit: of('unfit'), strangers: of('strangers'), missing: of('missing') };
}

/** One statement: all of them, or none if it is interrupted. */
async function copy(db: Db): Promise<void> {
  await sql`INSERT IGNORE INTO wxuser (id, user_id) SELECT u.id, u.openid FROM ${FIRSTS} AS u`.execute(db);
}
