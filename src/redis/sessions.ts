import { LRUCache } from 'lru-cache';
import { z } from 'zod';
import { LAST_USE_MS, type Session, type SessionLimits, type Sessions } from '../auth/sessions.ts';
import type { RevokedSessions } from '../db/revoked.ts';
import { AppError } from '../errors.ts';
import { type UserId, userIdSchema } from '../user-id.ts';
import type { Redis } from './open.ts';
import { cannotSave } from './refusals.ts';

interface Needs extends SessionLimits {
  readonly redis: Redis;
  /** The database's knowledge of users and of sessions that were ended: see db/revoked.ts. */
  readonly revoked: RevokedSessions;
  readonly now: () => Date;
}

/**
 * The sessions in Redis, for all instances. Each is a JSON text under `<prefix>{<user id>}:session:<sid>` that goes by
 * itself when its time is over; `<prefix>{<user id>}:sessions` names a user's by the end of their time. The braces keep
 * what is one user's on one node of a Cluster. No two writes need to happen together: a session is named before it is
 * there, and its end is in the database before it is here.
 */
export function createRedisSessions({
  redis,
  revoked,
  limit,
  idleMs = Number.POSITIVE_INFINITY,
  now,
}: Needs): Sessions {
  /** Of the sessions that were good of late: what is needed to refuse them while Redis is away. */
  const generations = new LRUCache<string, number>({ max: 50_000 });
  const indexOf = (userId: UserId) => `${redis.prefix}{${userId}}:sessions`;
  const keyOf = (userId: UserId, sid: string) => `${redis.prefix}{${userId}}:session:${sid}`;

  async function open(session: Session, openid: string): Promise<string[]> {
    const { sid, userId, expiresAt } = session;
    const [index, key] = [indexOf(userId), keyOf(userId, sid)];
    const count = await redis.run(async (commands) => {
      await commands.zAdd(index, { score: expiresAt.getTime(), value: sid });
      const expiration = { type: 'PX', value: left(endOf(session)) } as const;
      await commands.set(key, toText(session, openid), { expiration });
      const named = await commands.zRangeWithScores(index, 0, -1);
      await commands.pExpire(index, left(named.at(-1)?.score ?? expiresAt.getTime()));
      return named.length;
    });
    if (!(await revoked.admits(session))) {
      await endThese(userId, [session]);
      throw new AppError('session_ended', { reason: 'all sessions of the user were ended during the login' });
    }
    if (count <= limit) return [];
    const oldest = (await list(userId)).slice(limit);
    await endThese(userId, oldest);
    for (const each of oldest) await redis.ends.tell({ userId, sid: each.sid });
    return oldest.map((each) => each.sid);
  }

  async function read(userId: UserId, sid: string): Promise<Session | undefined> {
    return alive(await redis.run((commands) => commands.get(keyOf(userId, sid))))?.session;
  }

  async function list(userId: UserId): Promise<Session[]> {
    const sessions = await revoked.among(userId, await readAll(userId));
    return sessions.toSorted(
      (a, b) => b.createdAt.getTime() - a.createdAt.getTime() || a.sid.localeCompare(b.sid),
    );
  }

  /** All that are here, whatever the database has against them. */
  async function readAll(userId: UserId): Promise<Session[]> {
    const index = indexOf(userId);
    const texts = await redis.run(async (commands) => {
      // What is over is none anyway: see alive. A Redis that can only be read keeps it a while.
      await commands.zRemRangeByScore(index, '-inf', now().getTime()).catch(() => undefined);
      const sids = await commands.zRange(index, 0, -1);
      return sids.length === 0 ? [] : await commands.mGet(sids.map((sid) => keyOf(userId, sid)));
    });
    return texts.flatMap((text) => alive(text)?.session ?? []);
  }

  /** The database first: what it has heard holds, whatever becomes of Redis. */
  async function endThese(userId: UserId, sessions: readonly Session[], isErasure = false): Promise<void> {
    await revoked.revoke(sessions);
    const sids = sessions.map(({ sid }) => sid);
    await redis.run(async (commands) => {
      if (sids.length === 0) return;
      try {
        await commands.del(sids.map((sid) => keyOf(userId, sid)));
        await commands.zRem(indexOf(userId), sids);
      } catch (error) {
        // They have ended all the same, and go when their time is over. Who is erased leaves nothing.
        if (isErasure || !cannotSave(error as Error)) throw error;
      }
    });
  }

  async function endOne(session: Session): Promise<void> {
    const { userId, sid } = session;
    await endThese(userId, [session]);
    await redis.ends.tell({ userId, sid });
  }

  async function touch({ session, openid }: Stored): Promise<void> {
    if (now().getTime() - session.lastUsedAt.getTime() < LAST_USE_MS) return;
    const used = { ...session, lastUsedAt: now() };
    // XX: one that ends at this moment is not brought back.
    const options = { condition: 'XX', expiration: { type: 'PX', value: left(endOf(used)) } } as const;
    const key = keyOf(session.userId, session.sid);
    await redis.run((commands) => commands.set(key, toText(used, openid), options));
  }

  function unlessMissing(text: string | null): string | null {
    if (text === null && redis.isReplica) throw new Error('READONLY a replica may not have heard of it yet');
    return text;
  }

  /** What a text holds, unless its time is over by our clock. */
  function alive(text: string | null): Stored | undefined {
    const stored = fromText(text);
    return stored && endOf(stored.session) > now().getTime() ? stored : undefined;
  }

  /** When a session ends if it is not used again. */
  function endOf({ expiresAt, lastUsedAt }: Session): number {
    return Math.min(expiresAt.getTime(), lastUsedAt.getTime() + idleMs);
  }

  function left(end: number): number {
    return Math.max(1, end - now().getTime());
  }

  return {
    open,
    list,

    /*
     * | The database says | Redis has it     | has it not | does not answer                         |
     * |-------------------|------------------|------------|-----------------------------------------|
     * | ended, no user    | ended            | ended      | ended                                   |
     * | banned            | banned           | ended      | banned                                  |
     * | other generation  | ended            | ended      | ended if it was good here, else failure |
     * | good              | good             | ended      | failure                                 |
     * | nothing           | failure          | ended      | failure                                 |
     *
     * What a replica has not, the master may have: that is no answer.
     */
    async standing(userId, sid) {
      const [known, text] = await Promise.allSettled([
        revoked.known(userId, sid),
        redis.run((commands) => commands.get(keyOf(userId, sid)).then(unlessMissing)),
      ]);
      // What the database has against a session holds while Redis is away, too.
      if (known.status === 'fulfilled' && known.value.standing === 'ended') return 'ended';
      const stored = text.status === 'fulfilled' ? alive(text.value) : undefined;
      if (text.status === 'fulfilled' && !stored) return 'ended';
      if (known.status === 'rejected') throw known.reason;
      const { standing, generation } = known.value;
      // Before its generation, which the ban has raised: the user shall learn why.
      if (standing === 'banned') return 'banned';
      if ((stored?.session.generation ?? generations.get(sid) ?? generation) !== generation) return 'ended';
      if (text.status === 'rejected') throw text.reason;
      generations.set(sid, generation);
      // A Redis that is full cannot note it: no reason to refuse.
      if (stored) await touch(stored).catch(() => undefined);
      return 'good';
    },

    async find(userId, sid) {
      const session = await read(userId, sid);
      return session && (await revoked.among(userId, [session]))[0];
    },

    async end(userId, sid) {
      const session = await read(userId, sid);
      if (session) await endOne(session);
      return session !== undefined;
    },

    async endAll(userId, isErasure) {
      await revoked.revokeAll(userId);
      await endThese(userId, await readAll(userId), isErasure);
      await redis.ends.tell({ userId });
    },

    forget: (userId) => redis.ends.tell({ userId }),
  };
}

interface Stored {
  readonly session: Session;
  readonly openid: string;
}

const time = z.iso.datetime().transform((text) => new Date(text));
const storedSchema = z.object({
  openid: z.string(),
  userId: z.union([z.int(), z.string()]).transform(String).pipe(userIdSchema),
  generation: z.number(),
  sid: z.string(),
  sessionKey: z.string(),
  device: z.string(),
  place: z.string(),
  createdAt: time,
  lastUsedAt: time,
  expiresAt: time,
});

/** The openid and the user first: what the Koa tutorial kept under its token. */
function toText({ userId, ...session }: Session, openid: string): string {
  return JSON.stringify({ openid, userId, ...session });
}

/** A text that is none of ours stands for no session. */
function fromText(text: string | null): Stored | undefined {
  try {
    const { openid, ...session } = storedSchema.parse(JSON.parse(text ?? 'null'));
    return { openid, session };
  } catch {
    return undefined;
  }
}
