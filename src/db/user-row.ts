import { type RawBuilder, type Selection, sql } from 'kysely';
import { adoptedMoment, type Engine, type Tables, type WxUserTable } from './schema.ts';
import type { Blankable, Login, User } from './users.ts';

/** What a user says of himself. */
export const PROFILE_COLUMNS = ['nickName', 'avatar', 'gender'] as const;

/**
 * What is read. Each by our own spelling: an adopted table may call its columns ID or nickname, which is the same to
 * MySQL, and it may have more of them.
 */
export const READ = [
  'id as id',
  'appid as appid',
  'user_id as user_id',
  'unionid as unionid',
  'nickName as nickName',
  'avatar as avatar',
  'gender as gender',
  'status as status',
  'session_generation as session_generation',
  'created_at as created_at',
] as const;
export type ReadRow = Selection<Tables, 'wxuser', (typeof READ)[number]>;

/** The columns that a login sets. MySQL sets them one after the other, so `updated_at` looks at the old values first. */
export function newsOf({ unionid, profile }: Login, at: string) {
  const wanted: [keyof WxUserTable, RawBuilder<unknown>][] = PROFILE_COLUMNS.filter(
    (column) => profile[column] !== undefined,
  ).map((column) => {
    const [own, stored] = [sql.ref(`own_${column}`), sql.ref(column)];
    return [column, sql`CASE WHEN ${own} = 1 THEN ${stored} ELSE ${profile[column]} END`];
  });
  if (unionid !== undefined) wanted.push(['unionid', sql`${unionid}`]);
  const differs = wanted.map(
    ([column, value]) => sql`COALESCE(${sql.ref(column)}, '') <> COALESCE(${value}, '')`,
  );
  return {
    ...(differs.length > 0 && {
      updated_at: sql<string>`CASE WHEN ${sql.join(differs, sql` OR `)} THEN ${at} ELSE updated_at END`,
    }),
    ...Object.fromEntries(wanted),
    last_login_at: at,
  };
}

/** What a field holds that nobody has set. An adopted phone may not be NULL: there MySQL takes the column's default. */
export function blankOf(field: Blankable, engine: Engine): RawBuilder<unknown> | number | null {
  if (field === 'gender') return 0;
  return field === 'phone' && engine === 'mysql' ? sql`DEFAULT` : null;
}

export function toUser(row: ReadRow): User {
  return {
    id: row.id,
    appid: row.appid,
    openid: row.user_id,
    unionid: row.unionid,
    nickName: row.nickName,
    avatar: row.avatar,
    gender: Number(row.gender ?? 0),
    status: row.status,
    sessionGeneration: row.session_generation,
    createdAt: adoptedMoment(row.created_at),
  };
}
