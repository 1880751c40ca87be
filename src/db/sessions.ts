import type { Selectable } from 'kysely';
import { LAST_USE_MS, type Session, type Sessions } from '../auth/sessions.ts';
import { withDatabaseFailures } from './failures.ts';
import type { Database } from './open.ts';
import { fromColumn, toColumn, type WxSessionTable } from './schema.ts';
import { sweeper } from './sweep.ts';
import { unlessThere } from './unless-there.ts';

/** The sessions in the database; at most `limit` per user. */
export function createSessions({ db, engine }: Database, limit: number, now: () => Date): Sessions {
  const sweep = sweeper(db, 'wxsession', now);
  return withDatabaseFailures<Sessions>({
    async open(session) {
      await unlessThere(engine, db.insertInto('wxsession').values(toRow(session)), ['sid']).execute();
      const ended = await endOldest(session.userId);
      await sweep();
      return ended;
    },

    async standing(userId, sid) {
      const row = await db
        .selectFrom('wxsession')
        .innerJoin('wxuser', 'wxuser.id', 'wxsession.wxuser_id')
        .select(['wxuser.status as status', 'wxsession.last_used_at as lastUsedAt'])
        .where('wxsession.sid', '=', sid)
        .where('wxsession.wxuser_id', '=', userId)
        .where('wxsession.expires_at', '>', toColumn(now()))
        .executeTakeFirst();
      if (!row) return 'ended';
      if (row.status === 'banned') return 'banned';
      await touch(sid, row.lastUsedAt);
      return 'good';
    },

    async find(userId, sid) {
      const row = await alive(userId).where('sid', '=', sid).executeTakeFirst();
      return row && toSession(row);
    },

    async list(userId) {
      const rows = await alive(userId).orderBy('created_at', 'desc').orderBy('sid').execute();
      return rows.map(toSession);
    },

    async end(userId, sid) {
      const ended = await db
        .deleteFrom('wxsession')
        .where('sid', '=', sid)
        .where('wxuser_id', '=', userId)
        .executeTakeFirst();
      return ended.numDeletedRows > 0n;
    },

    async endAll(userId) {
      await db.deleteFrom('wxsession').where('wxuser_id', '=', userId).execute();
    },
  });

  function alive(userId: number) {
    return db
      .selectFrom('wxsession')
      .selectAll()
      .where('wxuser_id', '=', userId)
      .where('expires_at', '>', toColumn(now()));
  }

  async function touch(sid: string, lastUsedAt: string): Promise<void> {
    if (now().getTime() - fromColumn(lastUsedAt).getTime() < LAST_USE_MS) return;
    await db
      .updateTable('wxsession')
      .set({ last_used_at: toColumn(now()) })
      .where('sid', '=', sid)
      .execute();
  }

  async function endOldest(userId: number): Promise<string[]> {
    const rows = await alive(userId)
      .orderBy('created_at', 'desc')
      .orderBy('sid')
      .offset(limit)
      .limit(100)
      .execute();
    const sids = rows.map((row) => row.sid);
    if (sids.length > 0) await db.deleteFrom('wxsession').where('sid', 'in', sids).execute();
    return sids;
  }
}

function toRow(session: Session): Selectable<WxSessionTable> {
  return {
    sid: session.sid,
    wxuser_id: session.userId,
    session_key: session.sessionKey,
    device: session.device,
    place: session.place,
    created_at: toColumn(session.createdAt),
    last_used_at: toColumn(session.lastUsedAt),
    expires_at: toColumn(session.expiresAt),
  };
}

function toSession(row: Selectable<WxSessionTable>): Session {
  return {
    sid: row.sid,
    userId: row.wxuser_id,
    sessionKey: row.session_key,
    device: row.device,
    place: row.place,
    createdAt: fromColumn(row.created_at),
    lastUsedAt: fromColumn(row.last_used_at),
    expiresAt: fromColumn(row.expires_at),
  };
}
