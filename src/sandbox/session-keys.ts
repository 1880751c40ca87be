import { createHash, randomBytes } from 'node:crypto';

/** Who is logged in to which app. The key itself is told to nobody but jscode2session and resetusersessionkey. */
export interface SessionView {
  readonly appid: string;
  readonly user: string;
  /** Changes when the key does. */
  readonly keyFingerprint: string;
}

/** One valid session_key per user and app. Our choice: it lives until it is rotated. WeChat discloses no lifetime. */
export interface SessionKeys {
  /** The key, made where there is none. */
  of(appid: string, user: string): string;
  /** The key, where there is one. */
  find(appid: string, user: string): string | undefined;
  /** Ends the key: the next call that needs one makes another. */
  end(appid: string, user: string): void;
  list(): SessionView[];
}

export function createSessionKeys(): SessionKeys {
  const sessions = new Map<string, { appid: string; user: string; key: string }>();
  const nameOf = (appid: string, user: string) => `${appid}:${user}`;
  return {
    of(appid, user) {
      const key = sessions.get(nameOf(appid, user))?.key ?? randomBytes(16).toString('base64');
      sessions.set(nameOf(appid, user), { appid, user, key });
      return key;
    },
    find: (appid, user) => sessions.get(nameOf(appid, user))?.key,
    end: (appid, user) => void sessions.delete(nameOf(appid, user)),
    list: () =>
      [...sessions.values()].map(({ key, ...session }) => ({
        ...session,
        keyFingerprint: createHash('sha256').update(key).digest('hex').slice(0, 8),
      })),
  };
}
