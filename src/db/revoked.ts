import type { Session, Standing } from '../auth/sessions.ts';
import type { UserId } from '../user-id.ts';
import { withDatabaseFailures } from './failures.ts';
import { generationOf, nextGeneration } from './generation.ts';
import { idParam } from './id-param.ts';
import type { Database } from './open.ts';
import { toColumn } from './schema.ts';
import { sweeper } from './sweep.ts';
import { unlessThere } from './unless-there.ts';

/** What the database knows about a session: nothing here says that there ever was one. */
export interface Known {
  readonly standing: Standing;
  /** That of the user's sessions which have not ended; a banned user has none. */
  readonly generation: number;
}

/**
 * What the database knows of sessions that are kept elsewhere: which were ended before their time, one or all of a user's.
 * Redis may forget the end of a session, when it is killed or when a replica takes over that had not heard of it; the
 * database does not.
 */
export interface RevokedSessions {
  known(userId: UserId, sid: string): Promise<Known>;
  /** Which of a user's sessions have not ended. */
  among(userId: UserId, sessions: readonly Session[]): Promise<Session[]>;
  /** Keeps sessions ended until their time is over. */
  revoke(sessions: readonly Pick<Session, 'sid' | 'userId' | 'expiresAt'>[]): Promise<void>;
  /** Ends all sessions of a user that there may be, wherever. */
  revokeAll(userId: UserId): Promise<void>;
  /** Whether a session that has just been opened may stay: its user is there, and has not ended all of his since the login. */
  admits(session: Pick<Session, 'userId' | 'generation'>): Promise<boolean>;
}

export function createRevokedSessions({ db, engine }: Database, now: () => Date): RevokedSessions {
  const sweep = sweeper(db, now);
  return withDatabaseFailures<RevokedSessions>({
    async known(userId, sid) {
      const row = await db
        .selectFrom('wxuser')
        .leftJoin('wxsession_revoked', (join) =>
          join.onRef('wxsession_revoked.wxuser_id', '=', 'wxuser.id').on('wxsession_revoked.sid', '=', sid),
        )
        .select(['wxuser.status as status', 'wxuser.session_generation as generation'])
        .select('wxsession_revoked.sid as revoked')
        .where('wxuser.id', '=', idParam(userId))
        .executeTakeFirst();
      if (!row || row.revoked !== null) return { standing: 'ended', generation: row?.generation ?? 0 };
      return { standing: row.status === 'banned' ? 'banned' : 'good', generation: row.generation };
    },

    async among(userId, sessions) {
      if (sessions.length === 0) return [];
      const sids = sessions.map(({ sid }) => sid);
      const rows = await db
        .selectFrom('wxuser')
        .leftJoin('wxsession_revoked', (join) =>
          join.onRef('wxsession_revoked.wxuser_id', '=', 'wxuser.id').on('wxsession_revoked.sid', 'in', sids),
        )
        .select(['wxuser.session_generation as generation', 'wxsession_revoked.sid as revoked'])
        .where('wxuser.id', '=', idParam(userId))
        .execute();
      const revoked = new Set(rows.map((row) => row.revoked));
      return sessions.filter(
        ({ sid, generation }) => !revoked.has(sid) && generation === rows[0]?.generation,
      );
    },

    async revoke(sessions) {
      if (sessions.length === 0) return;
      const rows = sessions.map(({ sid, userId, expiresAt }) => {
        return { sid, wxuser_id: userId, expires_at: toColumn(expiresAt) };
      });
      await unlessThere(engine, db.insertInto('wxsession_revoked').values(rows), ['sid']).execute();
      await sweep();
    },

    revokeAll: (userId) => nextGeneration(db, userId),
    async admits({ userId, generation }) {
      await sweep();
      return (await generationOf(db, userId)) === generation;
    },
  });
}
