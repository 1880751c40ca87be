import { sql } from 'kysely';
import { parseUserId, type UserId } from '../user-id.ts';
import { withDatabaseFailures } from './failures.ts';
import { nextGeneration } from './generation.ts';
import { idParam } from './id-param.ts';
import type { Database } from './open.ts';
import { toColumn } from './schema.ts';

/** A user as an administrator sees him. */
export interface UserSummary {
  readonly id: UserId;
  readonly appid: string;
  readonly openid: string;
  readonly nickName: string | null;
  readonly phone: string | null;
  readonly status: string;
  /** UTC, `YYYY-MM-DD HH:MM:SS.mmm` */
  readonly lastLoginAt: string | null;
}

/** Names a user's row. */
export type UserRow = Pick<UserSummary, 'id' | 'appid'>;

/** What an administrator does to users. */
export interface Administration {
  /** Finds by id, openid or phone (with or without the country code 86), then by a part of the name; at most 50, the last to log in first. */
  find(text: string): Promise<UserSummary[]>;
  /** A user and, where wanted, the same person's rows in other apps (those with his unionid); none if there is no such user. */
  rowsOf(id: UserId, withLinked: boolean): Promise<UserRow[]>;
  /** Bans users or takes that back, and ends all sessions of those whose status this changes: no ban's end revives one. */
  setStatus(ids: readonly UserId[], status: 'active' | 'banned'): Promise<void>;
  /** Ends all sessions of a user, wherever they are kept; what is remembered of them is another thing. */
  endSessions(id: UserId): Promise<void>;
}

export function createAdministration({ db }: Database, now: () => Date): Administration {
  return withDatabaseFailures<Administration>({
    async find(text) {
      const named = `%${text.replace(/[\\%_]/g, '!$&')}%`;
      // MySQL does not compare a column of ASCII with another text.
      const exact = /^[\x20-\x7e]+$/.test(text)
        ? sql`(id = ${idParam(parseUserId(text) ?? 0)} OR user_id = ${text}
        OR phone IN (${text}, ${`+${text}`}, ${`+86${text}`}))`
        : sql`(1 = 0)`;
      const { rows } = await sql<UserSummary>`
        SELECT id AS id, appid AS appid, user_id AS openid, nickName AS nickName, phone AS phone, status AS status,
          last_login_at AS lastLoginAt
        FROM wxuser
        WHERE ${exact} OR nickName LIKE ${named} ESCAPE '!'
        ORDER BY ${exact} DESC, last_login_at DESC LIMIT 50`.execute(db);
      return rows;
    },

    async rowsOf(id, withLinked) {
      const query = db.selectFrom('wxuser').select(['id as id', 'appid as appid', 'unionid as unionid']);
      const user = await query.where('id', '=', idParam(id)).executeTakeFirst();
      if (!withLinked || !user?.unionid) return user ? [user] : [];
      return query.where('unionid', '=', user.unionid).orderBy('id').execute();
    },

    async setStatus(ids, status) {
      await db
        .updateTable('wxuser')
        .set((column) => ({
          status,
          session_generation: column('session_generation', '+', 1),
          updated_at: toColumn(now()),
        }))
        .where('id', 'in', ids.map(idParam))
        // An adopted column may hold NULL.
        .where((column) => column.or([column('status', '<>', status), column('status', 'is', null)]))
        .execute();
    },

    endSessions: (id) => nextGeneration(db, id),
  });
}
