import { sql } from 'kysely';
import type { UserId } from '../user-id.ts';
import type { Profile } from '../wechat/profile.ts';
import { accountInUse, withDatabaseFailures } from './failures.ts';
import { idParam } from './id-param.ts';
import { blankMerged } from './merged.ts';
import { describeTable } from './mysql-table.ts';
import type { Database } from './open.ts';
import { type Db, toColumn } from './schema.ts';
import { unlessThere } from './unless-there.ts';
import { blankOf, newsOf, PROFILE_COLUMNS, READ, type ReadRow, toUser } from './user-row.ts';

export interface User {
  readonly id: UserId;
  readonly appid: string;
  readonly openid: string;
  readonly unionid: string | null;
  readonly nickName: string | null;
  readonly avatar: string | null;
  readonly gender: number;
  readonly status: 'active' | 'banned';
  /** That of the sessions which are opened now: see db/generation.ts. */
  readonly sessionGeneration: number;
  /** Unknown for a user from before us. */
  readonly createdAt: Date | null;
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
  findById(id: UserId): Promise<User | undefined>;
  /** The same person's rows in other apps: those with his unionid. */
  linkedTo(user: User): Promise<User[]>;
  findByOpenid(appid: string, openid: string): Promise<User | undefined>;
  /** Stores what the user set here; later logins leave these fields alone. Answers undefined if there is no such row. */
  change(id: UserId, changes: Profile): Promise<Changed | undefined>;
  /** Removes what is stored in these fields, also by a merge, as if the user had never set them: a login may bring new ones. */
  blank(id: UserId, fields: readonly Blankable[]): Promise<void>;
  /** Takes an avatar out of a row that has it still, as `blank` does; tells whether it had. */
  dropAvatar(id: UserId, avatar: string): Promise<boolean>;
  /** Stores a verified phone number, such as `+8613800138000`. */
  setPhone(id: UserId, phone: string): Promise<void>;
  /** Every column of a user's row, the rows that were merged into it, which of his sessions are kept as ended, and the checks of his pictures. */
  everything(id: UserId): Promise<Everything>;
  /**
   * Deletes a user's row, what was merged into it, his sessions and the checks of his pictures: all or nothing. The ids of those that are kept as ended
   * stay until their tokens have expired, lest a Redis that forgets brings them back. Answers the avatar he had.
   * Fails with `account_in_use` where a foreign key of an adopted table keeps the row.
   */
  erase(id: UserId): Promise<string | null>;
}

export interface Changed {
  readonly user: User;
  /** The avatar that this change replaced: no two changes are told the same one. Null if it replaced none. */
  readonly formerAvatar: string | null;
}

export interface Everything {
  readonly wxuser: object | undefined;
  readonly wxuser_merged: readonly object[];
  readonly wxsession_revoked: readonly object[];
  readonly wxmedia_check: readonly object[];
}

export type Blankable = keyof Profile | 'phone';

export function createUsers({ db, engine }: Database, now: () => Date): Users {
  return withDatabaseFailures<Users>({
    async recordLogin(login) {
      const known = await bringUpToDate(login);
      if (known) return { user: toUser(known), isNew: false };
      const isNew = await insertUnlessThere(login);
      // Not there before and not inserted: another first login came between, or the user is banned.
      const row = isNew ? await find(login) : ((await bringUpToDate(login)) ?? (await find(login)));
      if (!row)
        throw new Error('A row that was just written is not there: is the connection read from a replica?');
      return { user: toUser(row), isNew };
    },

    findById: (id) => findById(id),

    async setPhone(id, phone) {
      const news = { phone, updated_at: toColumn(now()) };
      await db.updateTable('wxuser').set(news).where('id', '=', idParam(id)).execute();
    },

    async linkedTo({ id, unionid }) {
      if (!unionid) return [];
      const others = db.selectFrom('wxuser').select(READ).where('unionid', '=', unionid);
      return (await others.where('id', '<>', idParam(id)).orderBy('id').execute()).map(toUser);
    },

    async findByOpenid(appid, openid) {
      const row = await find({ appid, openid });
      return row && toUser(row);
    },

    async everything(id) {
      const wxuser = await db
        .selectFrom('wxuser')
        .selectAll()
        .where('id', '=', idParam(id))
        .executeTakeFirst();
      const merged = engine === 'mysql' && (await hasMerged()) ? await mergedInto(id) : [];
      const revoked = await db
        .selectFrom('wxsession_revoked')
        .selectAll()
        .where('wxuser_id', '=', idParam(id))
        .orderBy('sid')
        .execute();
      const checks = await db
        .selectFrom('wxmedia_check')
        .selectAll()
        .where('wxuser_id', '=', idParam(id))
        .execute();
      return { wxuser, wxuser_merged: merged, wxsession_revoked: revoked, wxmedia_check: checks };
    },

    async erase(id) {
      const merged = engine === 'mysql' && (await hasMerged());
      return db.transaction().execute(async (transaction) => {
        const former = await holdAvatar(transaction, id);
        await transaction
          .deleteFrom('wxuser')
          .where('id', '=', idParam(id))
          .execute()
          .catch((error: unknown) => {
            throw accountInUse(error) ?? error;
          });
        await transaction.deleteFrom('wxsession').where('wxuser_id', '=', idParam(id)).execute();
        await transaction.deleteFrom('wxmedia_check').where('wxuser_id', '=', idParam(id)).execute();
        if (merged)
          await sql`DELETE FROM wxuser_merged WHERE merged_into = ${idParam(id)}`.execute(transaction);
        return former;
      });
    },

    async blank(id, fields) {
      if (fields.length === 0) return;
      const merged = engine === 'mysql' && (await hasMerged());
      const blanks = Object.fromEntries(fields.map((field) => [field, blankOf(field, engine)]));
      const owned = PROFILE_COLUMNS.filter((column) => fields.includes(column));
      await db.transaction().execute(async (transaction) => {
        await transaction
          .updateTable('wxuser')
          .set({ ...blanks, updated_at: toColumn(now()) })
          .set(Object.fromEntries(owned.map((column) => [`own_${column}`, 0])))
          .where('id', '=', idParam(id))
          .execute();
        if (merged) await blankMerged(transaction, id, fields);
      });
    },

    async dropAvatar(id, avatar) {
      return db.transaction().execute(async (transaction) => {
        // Compared here: to MySQL, addresses that differ in case may be the same.
        if ((await holdAvatar(transaction, id)) !== avatar) return false;
        const blank = { avatar: null, own_avatar: 0, updated_at: toColumn(now()) };
        await transaction.updateTable('wxuser').set(blank).where('id', '=', idParam(id)).execute();
        return true;
      });
    },

    async change(id, changes) {
      const owned = PROFILE_COLUMNS.filter((column) => changes[column] !== undefined);
      return db.transaction().execute(async (transaction) => {
        const former = await holdAvatar(transaction, id);
        await transaction
          .updateTable('wxuser')
          .set({ ...changes, updated_at: toColumn(now()) })
          .set(Object.fromEntries(owned.map((column) => [`own_${column}`, 1])))
          .where('id', '=', idParam(id))
          .execute();
        const user = await findById(id, transaction);
        return user && { user, formerAvatar: former === user.avatar ? null : former };
      });
    },
  });

  /** Only where a tutorial's table was adopted. */
  async function hasMerged(): Promise<boolean> {
    return (await describeTable(db, 'wxuser_merged')) !== undefined;
  }

  async function mergedInto(id: UserId): Promise<object[]> {
    const query = sql<{
      row: string;
    }>`SELECT row_json AS \`row\` FROM wxuser_merged WHERE merged_into = ${idParam(id)}`;
    return (await query.execute(db)).rows.map(({ row }) => JSON.parse(row) as object);
  }

  /** Keeps others from changing the row until the transaction ends. SQLite lets one transaction write at a time. */
  async function holdAvatar(transaction: Db, id: UserId): Promise<string | null> {
    const query = transaction.selectFrom('wxuser').select('avatar as avatar').where('id', '=', idParam(id));
    const row = await (engine === 'mysql' ? query.forUpdate() : query).executeTakeFirst();
    return row?.avatar ?? null;
  }

  async function findById(id: UserId, among: Db = db): Promise<User | undefined> {
    const row = await among
      .selectFrom('wxuser')
      .select(READ)
      .where('id', '=', idParam(id))
      .executeTakeFirst();
    return row && toUser(row);
  }

  function find({ appid, openid }: Pick<Login, 'appid' | 'openid'>): Promise<ReadRow | undefined> {
    const ofUser = db
      .selectFrom('wxuser')
      .select(READ)
      .where('appid', '=', appid)
      .where('user_id', '=', openid);
    return ofUser.executeTakeFirst();
  }

  /** Two first logins at once: the unique key lets one insert, and tells the other that it did not. */
  async function insertUnlessThere({ appid, openid, unionid, profile }: Login): Promise<boolean> {
    const at = toColumn(now());
    const times = { created_at: at, updated_at: at, last_login_at: at };
    const row = { appid, user_id: openid, unionid: unionid ?? null, ...profile, ...times };
    const insert = unlessThere(engine, db.insertInto('wxuser').values(row), ['appid', 'user_id']);
    const { numInsertedOrUpdatedRows } = await insert.executeTakeFirst();
    return numInsertedOrUpdatedRows === 1n;
  }

  /**
   * Writes what is new into the row of an active user, in one statement that reads it too where the engine can. What
   * its user set here is asked for in SQL, so that a PUT at the same time wins. Answers undefined if it met no row;
   * in MySQL, where it reads separately, a banned user's row is answered as it is.
   */
  async function bringUpToDate(login: Login): Promise<ReadRow | undefined> {
    const update = db
      .updateTable('wxuser')
      .set(newsOf(login, toColumn(now())))
      .where('appid', '=', login.appid)
      .where('user_id', '=', login.openid)
      .where('status', '=', 'active');
    if (engine === 'sqlite') return update.returning(READ).executeTakeFirst();
    await update.execute();
    return find(login);
  }
}
