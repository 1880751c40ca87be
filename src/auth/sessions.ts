import { LRUCache } from 'lru-cache';
import { AppError } from '../errors.ts';
import type { UserId } from '../user-id.ts';

/** One login, on one device. */
export interface Session {
  /** 128 random bits; the `sid` of its token. */
  readonly sid: string;
  /** `wxuser.id` */
  readonly userId: UserId;
  /** The user's at the login: all of an earlier one have been ended at once. */
  readonly generation: number;
  /** Sealed: see auth/seal.ts. */
  readonly sessionKey: string;
  /** What it was opened with, such as `iPhone · WeChat 8.0.50`. */
  readonly device: string;
  /** The network it was opened from: the address without its last part. */
  readonly place: string;
  readonly createdAt: Date;
  readonly lastUsedAt: Date;
  readonly expiresAt: Date;
}

/** Whether a session may be used now. While its user is banned that is said, although the ban has ended it. */
export type Standing = 'good' | 'ended' | 'banned';

/** How exact the time of the last use is: each use would cost a write otherwise. */
export const LAST_USE_MS = 60_000;

/** What bounds a user's sessions. */
export interface SessionLimits {
  /** How many there may be. */
  readonly limit: number;
  /** One that was not used for so long has ended; by default none has. The last use is exact to `LAST_USE_MS`. */
  readonly idleMs?: number | undefined;
}

/** The sessions, wherever they are kept. Every method fails with `database_unavailable` while that cannot answer. */
export interface Sessions {
  /**
   * Opens one; the oldest of the user end where he has too many. Answers the sids of those. Fails with `session_ended`,
   * and leaves none, if meanwhile the user was erased or all of his sessions were ended.
   */
  open(session: Session, openid: string): Promise<readonly string[]>;
  standing(userId: UserId, sid: string): Promise<Standing>;
  /** One of a user's sessions, if it has not ended. */
  find(userId: UserId, sid: string): Promise<Session | undefined>;
  /** A user's sessions that have not ended, the newest first. */
  list(userId: UserId): Promise<Session[]>;
  /** Ends one of a user's sessions; tells whether there was one. */
  end(userId: UserId, sid: string): Promise<boolean>;
  /** Ends all of a user's sessions. A repeat is harmless. An erasure fails where anything of them is left. */
  endAll(userId: UserId, isErasure?: boolean): Promise<void>;
  /** Has it asked anew whether a user may come in, here and on every instance that hears: after a ban. A repeat is harmless. */
  forget(userId: UserId): Promise<void>;
}

/** Whether a text that somebody sent can be a sid: MySQL would not even compare another. */
export function isSid(text: string): boolean {
  return /^[\w-]+$/.test(text);
}

/** What is no longer good: one session of a user, or, without `sid`, whatever was known of him. */
export interface Ended {
  readonly userId: UserId;
  readonly sid?: string;
}

/** How instances tell each other what ended. */
export interface Ends {
  tell(ended: Ended): Promise<void>;
  /** Calls back with what any instance tells; with nothing when something may have been missed. */
  listen(heard: (ended: Ended | undefined) => void): void;
  /** Whether everything that is told is heard now. */
  readonly hears: boolean;
}

/**
 * Remembers for a few seconds that a session is good, so that a protected call costs no question. What ends here, and
 * what others tell, is forgotten at once. While it cannot hear others it asks every time; what was remembered then
 * serves only if there is no answer, until its time is over.
 * @param seconds 0 asks every time
 * @param ends none where instances cannot tell each other: what another one ends is found out when the time is over
 */
export function remembering(sessions: Sessions, seconds: number, ends?: Ends): Sessions {
  if (seconds === 0) return sessions;
  /** By user, until when each of his sessions is remembered. */
  const good = new LRUCache<UserId, Map<string, number>>({ max: 50_000 });

  /** Puts another map in the place of the user's: an answer that is under way goes into none that is used. */
  function forget(ended: Ended | undefined): void {
    if (ended === undefined) return void good.clear();
    const { userId, sid } = ended;
    const known = good.peek(userId);
    good.delete(userId);
    if (known && sid !== undefined) good.set(userId, new Map([...known].filter(([each]) => each !== sid)));
  }
  ends?.listen(forget);

  /** Before and after: an answer that was under way meanwhile may be older than the end. */
  async function forgetting<T>(ended: Ended, end: () => Promise<T>): Promise<T> {
    forget(ended);
    return end().finally(() => forget(ended));
  }

  return {
    ...sessions,
    async open(session, openid) {
      const pushedOut = await sessions.open(session, openid);
      for (const sid of pushedOut) forget({ userId: session.userId, sid });
      return pushedOut;
    },
    async standing(userId, sid) {
      const remembered = () => (good.get(userId)?.get(sid) ?? 0) > performance.now();
      if (ends?.hears !== false && remembered()) return 'good';
      const mine = good.get(userId) ?? new Map<string, number>();
      good.set(userId, mine);
      try {
        const standing = await sessions.standing(userId, sid);
        if (standing !== 'good') good.peek(userId)?.delete(sid);
        else mine.set(sid, performance.now() + seconds * 1000);
        return standing;
      } catch (error) {
        if (remembered() && isUnavailable(error)) return 'good';
        throw error;
      }
    },
    end: (userId, sid) => forgetting({ userId, sid }, () => sessions.end(userId, sid)),
    endAll: (userId, isErasure) => forgetting({ userId }, () => sessions.endAll(userId, isErasure)),
    forget: (userId) => forgetting({ userId }, () => sessions.forget(userId)),
  };
}

function isUnavailable(error: unknown): boolean {
  return error instanceof AppError && error.code === 'database_unavailable';
}
