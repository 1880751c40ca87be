import { sql } from 'kysely';
import { type Column, quoted, type Table } from '../mysql-table.ts';
import type { Db } from '../schema.ts';
import { renamed } from './alterations.ts';
import { isOurs } from './definitions.ts';
import type { Problem } from './problem.ts';
import { alterUsers } from './statements.ts';

/** What a column is called that has the openids of a mini program. */
const OPENID =
  /^(?:wx|wechat|weixin|weapp|wxapp|wxa|mp|mini|mini_?program|applet|routine|ma|xcx)?_?(?:mini_)?open_?id(?:_(?:mini|mp|wx|xcx|weapp))?$/;
/** What may have openids, of this app or of another. */
const LIKE_OPENID = /open_?id/;

/** Which column has the openid: without that, nothing else can be said. */
export async function problemOfOpenid(db: Db, table: Table, adopted: boolean): Promise<Problem | undefined> {
  const named = [...table.columns].find(([name]) => OPENID.test(name))?.[1];
  const openid = named ?? (adopted ? undefined : await columnOfOpenids(db, table));
  const userId = table.columns.get('user_id');
  if (!openid)
    return userId
      ? undefined
      : { what: 'user_id', says: 'it has no column user_id for the openid', helps: [] };
  const free = userId?.autoIncrement && !table.columns.has('id') ? 'id' : 'user_id_old';
  const clauses = [...(userId ? [renamed(userId, free)] : []), renamed(openid, 'user_id')];
  const says = userId
    ? `it would be taken for the openid, but the openids seem to be in ${openid.name}`
    : `the openid must be in a column of this name; it seems to be in ${openid.name}`;
  return { what: 'user_id', says, helps: [alterUsers(clauses.join(', '))] };
}

/** A column of texts like openids, where user_id has none: by its name, or else by most of its values. */
async function columnOfOpenids(db: Db, { columns }: Table): Promise<Column | undefined> {
  const texts = [...columns].filter(
    ([name, { type, generated }]) => (name === 'user_id' || !isOurs(name)) && !generated && TEXTS.test(type),
  );
  const counts = texts.flatMap(([, { name }], i) => {
    const column = sql.raw(quoted(name));
    return [
      sql`SUM(CHAR_LENGTH(${column}) = 28 AND CONVERT(${column} USING utf8mb4) REGEXP '^o[A-Za-z0-9_-]+$') AS ${sql.raw(`like${i}`)}`,
      sql`SUM(${column} <> '') AS ${sql.raw(`given${i}`)}`,
    ];
  });
  if (counts.length === 0) return undefined;
  const { rows } = await sql<Record<string, string | number | null>>`
    SELECT ${sql.join(counts)} FROM wxuser`.execute(db);
  const found = texts.map(([name, column], i) => {
    const [like, given] = [Number(rows[0]?.[`like${i}`] ?? 0), Number(rows[0]?.[`given${i}`] ?? 0)];
    return { name, column, like, given };
  });
  if (found.some(({ name, like }) => name === 'user_id' && like > 0)) return undefined;
  const others = found.filter(({ name }) => name !== 'user_id' && !/union/.test(name));
  const byName = others.find(({ name, given }) => LIKE_OPENID.test(name) && given > 0);
  return (byName ?? others.find(({ like, given }) => like * 2 > given))?.column;
}

const TEXTS = /char$|text$|binary$/;
