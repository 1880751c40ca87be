import { openidOf, phoneOf, unionidOf } from './identities.ts';
import { ANONYMOUS, named, type UserInfo } from './profiles.ts';

const ACTIVE_MS = 2 * 60 * 60_000;

/** What a developer may say of a user. */
export interface UserSettings {
  /** `named`: an old-style profile; `anonymous`: what new mini programs get. */
  readonly profile: 'named' | 'anonymous';
  readonly nickName?: string | undefined;
  readonly avatarUrl?: string | undefined;
  readonly gender?: number | undefined;
  /** Without country code. */
  readonly phone: string;
  /** A high-risk user: his codes are refused (40226). */
  readonly blocked: boolean;
}

/** A user as the control API shows him. */
export interface UserView extends UserSettings {
  readonly user: string;
  readonly unionid: string;
  /** In each app that he has used. */
  readonly openids: Readonly<Record<string, string>>;
}

/** The people of this WeChat: they come into being by being named. */
export interface Users {
  get(user: string): UserSettings;
  set(user: string, changes: Partial<UserSettings>): void;
  infoOf(user: string): UserInfo;
  /** Notes that he uses the app now, which makes his openid known there. */
  visit(appid: string, user: string): void;
  /** Who has this openid, as far as he has visited since the sandbox began. */
  find(openid: string): { readonly appid: string; readonly user: string } | undefined;
  /** Whether he used the app within the last two hours. */
  isActive(openid: string): boolean;
  list(): UserView[];
}

export function createUsers(now: () => Date): Users {
  const settings = new Map<string, UserSettings>();
  const visits = new Map<string, { appid: string; user: string; at: number }>();

  const users: Users = {
    get(user) {
      const known = settings.get(user) ?? { profile: 'named', phone: phoneOf(user), blocked: false };
      settings.set(user, known);
      return known;
    },
    set: (user, changes) => void settings.set(user, { ...users.get(user), ...changes }),
    infoOf(user) {
      const { profile, nickName, avatarUrl, gender } = users.get(user);
      if (profile === 'anonymous') return ANONYMOUS;
      return {
        ...named(user),
        ...(nickName !== undefined && { nickName }),
        ...(avatarUrl !== undefined && { avatarUrl }),
        ...(gender !== undefined && { gender }),
      };
    },
    visit(appid, user) {
      users.get(user);
      visits.set(openidOf(appid, user), { appid, user, at: now().getTime() });
    },
    find: (openid) => visits.get(openid),
    isActive(openid) {
      const at = visits.get(openid)?.at;
      return at !== undefined && now().getTime() - at <= ACTIVE_MS;
    },
    list() {
      const openids = new Map<string, Record<string, string>>();
      for (const [openid, { appid, user }] of visits)
        openids.set(user, { ...openids.get(user), [appid]: openid });
      return [...settings].map(([user, of]) => ({
        user,
        unionid: unionidOf(user),
        openids: openids.get(user) ?? {},
        ...of,
      }));
    },
  };
  return users;
}
