import { LRUCache } from 'lru-cache';

/** One login, on one device. */
export interface Session {
  /** 128 random bits; the `sid` of its token. */
  readonly sid: string;
  /** `wxuser.id` */
  readonly userId: number;
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

/** Whether a session may be used now. */
export type Standing = 'good' | 'ended' | 'banned';

/** The sessions, wherever they are kept. Every method fails with `database_unavailable` while that cannot answer. */
export interface Sessions {
  /** Opens one; the oldest of the user end where he has too many. */
  open(session: Session): Promise<void>;
  standing(userId: number, sid: string): Promise<Standing>;
  /** A user's sessions that have not ended, the newest first. */
  list(userId: number): Promise<Session[]>;
  /** Ends one of a user's sessions; tells whether there was one. */
  end(userId: number, sid: string): Promise<boolean>;
  /** Ends all of a user's sessions. */
  endAll(userId: number): Promise<void>;
}

/**
 * Remembers for a few seconds that a session is good, so that a protected call costs no question. What ends here is
 * forgotten at once; what another instance ends is found out when the time is over.
 * @param seconds 0 asks every time
 */
export function remembering(sessions: Sessions, seconds: number): Sessions {
  if (seconds === 0) return sessions;
  const good = new LRUCache<string, number>({ max: 50_000, ttl: seconds * 1000 });
  let ends = 0;

  /** Before and after: an answer that was under way meanwhile may be older than the end. */
  async function forgetting<T>(forget: () => void, end: () => Promise<T>): Promise<T> {
    ends += 1;
    forget();
    return end().finally(() => {
      ends += 1;
      forget();
    });
  }

  return {
    ...sessions,
    async standing(userId, sid) {
      if (good.get(sid) === userId) return 'good';
      const before = ends;
      const standing = await sessions.standing(userId, sid);
      if (standing === 'good' && before === ends) good.set(sid, userId);
      return standing;
    },
    end: (userId, sid) =>
      forgetting(
        () => good.delete(sid),
        () => sessions.end(userId, sid),
      ),
    endAll: (userId) =>
      forgetting(
        () => {
          for (const [sid, owner] of good.entries()) if (owner === userId) good.delete(sid);
        },
        () => sessions.endAll(userId),
      ),
  };
}
