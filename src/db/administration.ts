import { sql } from 'kysely';
import { withDatabaseFailures } from './failures.ts';
import type { Database } from './open.ts';
import { toColumn } from './schema.ts';

/** A user as an administrator sees him. */
export interface UserSummary {
  readonly id: number;
  readonly appid: string;
  readonly openid: string;
  readonly nickName: string | null;
  readonly phone: string | null;
  readonly status: string;
  /** UTC, `YYYY-MM-DD HH:MM:SS.mmm` */
  readonly lastLoginAt: string | null;
}

/** What an administrator does to users. */
export interface Administration {
  /** Finds by id, openid or phone as it is, or by a part of the name; at most 50, the last to log in first. */
  find(text: string): Promise<UserSummary[]>;
  /** Bans a user or takes that back; tells whether there is one. His sessions stay, and are refused. */
  setStatus(id: number, status: 'active' | 'banned'): Promise<boolean>;
}

export function createAdministration({ db }: Database, now: () => Date): Administration {
  return withDatabaseFailures<Administration>({
    async find(text) {
      const named = `%${text.replace(/[\\%_]/g, '!$&')}%`;
      const { rows } = await sql<UserSummary>`
        SELECT id AS id, appid AS appid, user_id AS openid, nickName AS nickName, phone AS phone, status AS status,
          last_login_at AS lastLoginAt
        FROM wxuser
        WHERE id = ${/^\d{1,15}$/.test(text) ? Number(text) : 0} OR user_id = ${text} OR phone = ${text}
          OR nickName LIKE ${named} ESCAPE '!'
        ORDER BY last_login_at DESC LIMIT 50`.execute(db);
      return rows;
    },

    async setStatus(id, status) {
      const there = await db.selectFrom('wxuser').select('status').where('id', '=', id).executeTakeFirst();
      if (!there) return false;
      await db
        .updateTable('wxuser')
        .set({ status, updated_at: toColumn(now()) })
        .where('id', '=', id)
        .execute();
      return true;
    },
  });
}
