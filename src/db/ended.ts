import type { Session, Standing } from '../auth/sessions.ts';
import { withDatabaseFailures } from './failures.ts';
import type { Database } from './open.ts';
import { toColumn } from './schema.ts';
import { sweeper } from './sweep.ts';
import { unlessThere } from './unless-there.ts';

/**
 * What the database knows of sessions that are kept elsewhere: which ended before their time. Redis may forget the end of
 * a session, when it is killed or when a replica takes over that had not heard of it; the database does not.
 */
export interface EndedSessions {
  /** As far as the database knows: nothing here says that there ever was such a session. */
  standing(userId: number, sid: string): Promise<Standing>;
  /** Keeps sessions ended until their time is over. */
  record(sessions: readonly Pick<Session, 'sid' | 'userId' | 'expiresAt'>[]): Promise<void>;
  /** Which of a user's sessions ended. */
  among(userId: number, sids: readonly string[]): Promise<ReadonlySet<string>>;
}

export function createEndedSessions({ db, engine }: Database, now: () => Date): EndedSessions {
  const sweep = sweeper(db, 'wxsession_ended', now);
  return withDatabaseFailures<EndedSessions>({
    async standing(userId, sid) {
      const row = await db
        .selectFrom('wxuser')
        .leftJoin('wxsession_ended', (join) =>
          join.onRef('wxsession_ended.wxuser_id', '=', 'wxuser.id').on('wxsession_ended.sid', '=', sid),
        )
        .select(['wxuser.status as status', 'wxsession_ended.sid as ended'])
        .where('wxuser.id', '=', userId)
        .executeTakeFirst();
      if (!row || row.ended !== null) return 'ended';
      return row.status === 'banned' ? 'banned' : 'good';
    },

    async record(sessions) {
      if (sessions.length === 0) return;
      const rows = sessions.map(({ sid, userId, expiresAt }) => {
        return { sid, wxuser_id: userId, expires_at: toColumn(expiresAt) };
      });
      await unlessThere(engine, db.insertInto('wxsession_ended').values(rows), ['sid']).execute();
      await sweep();
    },

    async among(userId, sids) {
      if (sids.length === 0) return new Set();
      const rows = await db
        .selectFrom('wxsession_ended')
        .select('sid as sid')
        .where('wxuser_id', '=', userId)
        .where('sid', 'in', sids)
        .execute();
      return new Set(rows.map((row) => row.sid));
    },
  });
}
