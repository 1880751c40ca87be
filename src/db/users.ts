import { type InsertQueryBuilder, type InsertResult, sql } from 'kysely';
import type { Profile } from '../wechat/profile.ts';
import { withDatabaseFailures } from './failures.ts';
import type { Database } from './open.ts';
import { fromColumn, type Tables, toColumn, type WxUserRow } from './schema.ts';

export interface User {
  readonly id: number;
  readonly appid: string;
  readonly openid: string;
  readonly unionid: string | null;
  readonly nickName: string | null;
  readonly avatar: string | null;
  readonly gender: number;
  readonly status: 'active' | 'banned';
  readonly createdAt: Date;
  readonly lastLoginAt: Date;
}

/** Who WeChat says logged in, and what may be stored of his profile. */
export interface Login {
  readonly appid: string;
  readonly openid: string;
  readonly unionid: string | undefined;
  readonly profile: Profile;
}

/** The users. Every method fails with `database_unavailable` while the database cannot answer. */
export interface Users {
  /**
   * Finds or makes the row of a login and brings it up to date: one row per (appid, openid), however many logins
   * come at once. What the user set here stays as it is, and so does the whole row of a banned user.
   */
  recordLogin(login: Login): Promise<{ user: User; isNew: boolean }>;
  findById(id: number): Promise<User | undefined>;
  /** Stores what the user set here; later logins leave these fields alone. Answers undefined if there is no such row. */
  change(id: number, changes: Profile): Promise<User | undefined>;
}

const PROFILE_COLUMNS = ['nickName', 'avatar', 'gender'] as const;

export function createUsers({ db, engine }: Database, now: () => Date): Users {
  return withDatabaseFailures<Users>({
    async recordLogin(login) {
      const known = await find(login);
      if (known) return { user: await bringUpToDate(known, login), isNew: false };

      const isNew = await insertUnlessThere(login);
      const row = await find(login);
      if (!row)
        throw new Error('A row that was just written is not there: is the connection read from a replica?');
      return { user: isNew ? toUser(row) : await bringUpToDate(row, login), isNew };
    },

    findById,

    async change(id, changes) {
      const owned = PROFILE_COLUMNS.filter((column) => changes[column] !== undefined);
      await db
        .updateTable('wxuser')
        .set({ ...changes, updated_at: toColumn(now()) })
        .set(Object.fromEntries(owned.map((column) => [`own_${column}`, 1])))
        .where('id', '=', id)
        .execute();
      return findById(id);
    },
  });

  async function findById(id: number): Promise<User | undefined> {
    const row = await db.selectFrom('wxuser').selectAll().where('id', '=', id).executeTakeFirst();
    return row && toUser(row);
  }

  function find({ appid, openid }: Login): Promise<WxUserRow | undefined> {
    return db
      .selectFrom('wxuser')
      .selectAll()
      .where('appid', '=', appid)
      .where('user_id', '=', openid)
      .executeTakeFirst();
  }

  /** Two first logins at once: the unique key lets one insert, and tells the other that it did not. */
  async function insertUnlessThere({ appid, openid, unionid, profile }: Login): Promise<boolean> {
    const at = toColumn(now());
    const times = { created_at: at, updated_at: at, last_login_at: at };
    const row = { appid, user_id: openid, unionid: unionid ?? null, ...profile, ...times };
    const { numInsertedOrUpdatedRows } = await unlessThere(
      db.insertInto('wxuser').values(row),
    ).executeTakeFirst();
    return numInsertedOrUpdatedRows === 1n;
  }

  function unlessThere(insert: InsertQueryBuilder<Tables, 'wxuser', InsertResult>) {
    return engine === 'mysql'
      ? insert.onDuplicateKeyUpdate({ user_id: sql`user_id` })
      : insert.onConflict((conflict) => conflict.columns(['appid', 'user_id']).doNothing());
  }

  /** Writes what is new. The CASE guards a field that its user sets between our reading and our writing. */
  async function bringUpToDate(row: WxUserRow, { unionid, profile }: Login): Promise<User> {
    if (row.status === 'banned') return toUser(row);
    const news = PROFILE_COLUMNS.filter(
      (column) => profile[column] !== undefined && profile[column] !== row[column] && !row[`own_${column}`],
    );
    const at = toColumn(now());
    const changes = {
      ...Object.fromEntries(news.map((column) => [column, profile[column]])),
      ...(unionid !== undefined && unionid !== row.unionid && { unionid }),
    };
    const guarded = news.map((column) => [column, unlessOwned(column, profile[column])]);
    const touched =
      Object.keys(changes).length > 0 ? { updated_at: at, last_login_at: at } : { last_login_at: at };
    await db
      .updateTable('wxuser')
      .set({ ...changes, ...Object.fromEntries(guarded), ...touched })
      .where('id', '=', row.id)
      .where('status', '=', 'active')
      .execute();
    return toUser({ ...row, ...changes, ...touched });
  }

  function unlessOwned(column: (typeof PROFILE_COLUMNS)[number], value: unknown) {
    return sql`CASE WHEN ${sql.ref(`own_${column}`)} = 1 THEN ${sql.ref(column)} ELSE ${value} END`;
  }
}

function toUser(row: WxUserRow): User {
  return {
    id: row.id,
    appid: row.appid,
    openid: row.user_id,
    unionid: row.unionid,
    nickName: row.nickName,
    avatar: row.avatar,
    gender: row.gender,
    status: row.status,
    createdAt: fromColumn(row.created_at),
    lastLoginAt: fromColumn(row.last_login_at),
  };
}
