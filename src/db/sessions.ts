import type { JoinBuilder, Selectable } from 'kysely';
import { LAST_USE_MS, type Session, type SessionLimits, type Sessions } from '../auth/sessions.ts';
import { AppError } from '../errors.ts';
import type { UserId } from '../user-id.ts';
import { withDatabaseFailures } from './failures.ts';
import { generationOf, nextGeneration } from './generation.ts';
import { idParam } from './id-param.ts';
import type { Database } from './open.ts';
import { fromColumn, type Tables, toColumn, type WxSessionTable } from './schema.ts';
import { sweeper } from './sweep.ts';
import { unlessThere } from './unless-there.ts';

const ANY_NUMBER = 10_000;

const LONG_AGO = '1970-01-01 00:00:00.000';

/** The sessions in the database. */
export function createSessions(
  { db, engine }: Database,
  { limit, idleMs }: SessionLimits,
  now: () => Date,
): Sessions {
  const sweep = sweeper(db, now);
  return withDatabaseFailures<Sessions>({
    async open(session) {
      await unlessThere(engine, db.insertInto('wxsession').values(toRow(session)), ['sid']).execute();
      if ((await generationOf(db, session.userId)) !== session.generation) {
        await end(session.userId, session.sid);
        throw new AppError('session_ended', {
          reason: 'all sessions of the user were ended during the login',
        });
      }
      const ended = await endOldest(session.userId);
      await sweep();
      return ended;
    },

    async standing(userId, sid) {
      const row = await db
        .selectFrom('wxsession')
        .innerJoin('wxuser', 'wxuser.id', 'wxsession.wxuser_id')
        .select(['wxuser.status as status', 'wxuser.session_generation as current'])
        .select(['wxsession.generation as generation', 'wxsession.last_used_at as lastUsedAt'])
        .where('wxsession.sid', '=', sid)
        .where('wxsession.wxuser_id', '=', idParam(userId))
        .where('wxsession.expires_at', '>', toColumn(now()))
        .where('wxsession.last_used_at', '>', usedSince())
        .executeTakeFirst();
      if (!row) return 'ended';
      // Before its generation, which the ban has raised: the user shall learn why.
      if (row.status === 'banned') return 'banned';
      if (row.generation !== row.current) return 'ended';
      await touch(sid, row.lastUsedAt);
      return 'good';
    },

    async find(userId, sid) {
      const row = await alive(userId).where('wxsession.sid', '=', sid).executeTakeFirst();
      return row && toSession(row);
    },

    async list(userId) {
      const rows = await alive(userId).execute();
      return rows.map(toSession);
    },

    end,

    async endAll(userId) {
      await nextGeneration(db, userId);
      await db.deleteFrom('wxsession').where('wxuser_id', '=', idParam(userId)).execute();
    },

    forget: async () => undefined, // the row is asked every time
  });

  function alive(userId: UserId) {
    return db
      .selectFrom('wxsession')
      .innerJoin('wxuser', ofGeneration)
      .selectAll('wxsession')
      .where('wxsession.wxuser_id', '=', idParam(userId))
      .where('wxsession.expires_at', '>', toColumn(now()))
      .where('wxsession.last_used_at', '>', usedSince())
      .orderBy('wxsession.created_at', 'desc')
      .orderBy('wxsession.sid');
  }

  /** A session that was last used then, or before, has ended. */
  function usedSince(): string {
    return idleMs === undefined ? LONG_AGO : toColumn(new Date(now().getTime() - idleMs));
  }

  async function end(userId: UserId, sid: string): Promise<boolean> {
    const ended = await db
      .deleteFrom('wxsession')
      .where('sid', '=', sid)
      .where('wxuser_id', '=', idParam(userId))
      .executeTakeFirst();
    return ended.numDeletedRows > 0n;
  }

  async function touch(sid: string, lastUsedAt: string): Promise<void> {
    if (now().getTime() - fromColumn(lastUsedAt).getTime() < LAST_USE_MS) return;
    await db
      .updateTable('wxsession')
      .set({ last_used_at: toColumn(now()) })
      .where('sid', '=', sid)
      .execute();
  }

  async function endOldest(userId: UserId): Promise<string[]> {
    // All of them: the limit may have been lowered. MySQL knows no OFFSET without a LIMIT.
    const rows = await alive(userId).offset(limit).limit(ANY_NUMBER).execute();
    const sids = rows.map((row) => row.sid);
    if (sids.length > 0) await db.deleteFrom('wxsession').where('sid', 'in', sids).execute();
    return sids;
  }
}

/** One that was ended with all others may still have its row, from before a time with Redis. */
function ofGeneration(join: JoinBuilder<Tables, 'wxsession' | 'wxuser'>) {
  return join
    .onRef('wxuser.id', '=', 'wxsession.wxuser_id')
    .onRef('wxuser.session_generation', '=', 'wxsession.generation');
}

function toRow(session: Session): Selectable<WxSessionTable> {
  return {
    sid: session.sid,
    wxuser_id: session.userId,
    generation: session.generation,
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
    generation: row.generation,
    sessionKey: row.session_key,
    device: row.device,
    place: row.place,
    createdAt: fromColumn(row.created_at),
    lastUsedAt: fromColumn(row.last_used_at),
    expiresAt: fromColumn(row.expires_at),
  };
}
