import { randomBytes, randomInt } from 'node:crypto';
import { Refusal } from './refusals.ts';

const LIFE_MS = 7_200_000;
/** How long two tokens are valid side by side, and how long before its end a stable one is replaced. */
const OVERLAP_MS = 300_000;
const FORCED_APART_MS = 30_000;
const FORCED_A_DAY = 20;
const DAY_MS = 86_400_000;

/** WeChat's two kinds, which know nothing of each other: of `stable_token`, and of `token`. */
type Kind = 'stable' | 'classic';

export interface AccessToken {
  readonly token: string;
  readonly appid: string;
  readonly kind: Kind;
  expiresAt: number;
  /** Another one has taken its place: it ends as "not latest" (40001), not as expired (42001). */
  replaced: boolean;
}

export interface Fetched {
  readonly access_token: string;
  readonly expires_in: number;
}

export interface AccessTokens {
  /** `GET /cgi-bin/token`: a new one; the one before lives for 5 minutes more. */
  fetch(appid: string): Fetched;
  /** `POST /cgi-bin/stable_token`. @throws {Refusal} 45009, 45011 for a forced refresh too many */
  fetchStable(appid: string, force: boolean): Fetched;
  /** The app that a token speaks for. @throws {Refusal} 40001, 40014, 42001 */
  appidOf(token: string): string;
  /** Ends all of them at once. */
  endAll(): void;
  /** Those that are good now. */
  list(): AccessToken[];
}

export function createAccessTokens(now: () => Date): AccessTokens {
  const tokens = new Map<string, AccessToken>();
  const latest: Record<Kind, Map<string, AccessToken>> = { stable: new Map(), classic: new Map() };
  const forced = new Map<string, { day: number; count: number; at: number }>();
  const remaining = ({ expiresAt }: AccessToken) => expiresAt - now().getTime();

  return {
    fetch(appid) {
      end(latest.classic.get(appid), OVERLAP_MS);
      return reply(issue('classic', appid));
    },
    fetchStable(appid, force) {
      const current = latest.stable.get(appid);
      if (force) {
        countForced(appid);
        for (const token of tokens.values())
          if (token.appid === appid && token.kind === 'stable') end(token, 0);
      } else {
        if (current && !current.replaced && remaining(current) > OVERLAP_MS) return reply(current);
        if (current && remaining(current) > 0) {
          current.expiresAt = now().getTime() + OVERLAP_MS;
          current.replaced = true;
        }
      }
      return reply(issue('stable', appid));
    },
    appidOf(text) {
      // Our choice of what tells 40014 from 40001: a text that never was a token, and a token that is none any more.
      if (!/^\d+_[\w-]+$/.test(text)) throw new Refusal(40014);
      const token = tokens.get(text);
      if (!token || (token.replaced && remaining(token) <= 0)) throw new Refusal(40001);
      if (remaining(token) <= 0) throw new Refusal(42001);
      return token.appid;
    },
    endAll() {
      for (const token of tokens.values()) end(token, 0);
    },
    list: () => [...tokens.values()].filter((token) => remaining(token) > 0),
  };

  function issue(kind: Kind, appid: string): AccessToken {
    for (const [text, old] of tokens) if (remaining(old) < -DAY_MS) tokens.delete(text);
    const random = randomBytes(128).toString('base64url').slice(0, randomInt(136, 158));
    const token = `${randomInt(10, 100)}_${random}`;
    const issued = { token, appid, kind, expiresAt: now().getTime() + LIFE_MS, replaced: false };
    tokens.set(token, issued);
    latest[kind].set(appid, issued);
    return issued;
  }

  function end(token: AccessToken | undefined, inMs: number): void {
    if (!token || remaining(token) <= 0) return;
    token.expiresAt = Math.min(token.expiresAt, now().getTime() + inMs);
    token.replaced = true;
  }

  function reply(token: AccessToken): Fetched {
    return { access_token: token.token, expires_in: Math.floor(remaining(token) / 1000) };
  }

  /** Our choices: too soon is 45011, too often is 45009, and a day is Beijing's. */
  function countForced(appid: string): void {
    const at = now().getTime();
    const day = Math.floor((at + 8 * 3_600_000) / DAY_MS);
    const before = forced.get(appid);
    if (before && at - before.at < FORCED_APART_MS) throw new Refusal(45011);
    const count = before?.day === day ? before.count : 0;
    if (count >= FORCED_A_DAY) throw new Refusal(45009);
    forced.set(appid, { day, count: count + 1, at });
  }
}
