import { type Calls, headerOf } from './calls.js';
import { SessionError } from './error.js';
import type { Clock, Profile } from './platform.js';
import { withRetries } from './retries.js';
import type { Kept, User } from './storage.js';

/** What the server says of a login. */
export interface LoginReply {
  readonly user: User;
  readonly isNew: boolean;
  /** What of the profile was left out, and why. */
  readonly issues?: readonly { path: string; message: string }[];
}

/** What the tap of a login button adds to a login. */
export interface Tap {
  readonly code?: string | undefined;
  readonly profile?: Profile;
}

interface Needs {
  readonly calls: Calls;
  readonly clock: Clock;
  readonly retries: number;
  readonly appid: string | undefined;
  /** Throws when this login is not wanted any more. */
  readonly check: () => void;
}

/** wx.login, then `POST /api/wxuser`; every attempt with a new code, since the last one may be spent. */
export async function logIn(needs: Needs, { code: first, profile }: Tap) {
  const { calls, clock, retries, appid, check } = needs;
  let ready = first;
  const attempt = async () => {
    check();
    const code = ready ?? (await calls.code());
    ready = undefined;
    check();
    const data = { code, ...(appid && { appid }), ...profile };
    return calls.request({ url: '/api/wxuser', method: 'POST', data });
  };
  const answer = await withRetries(clock, retries, () => attempt().catch(onceMore(attempt)));
  const { token, expiresAt, ...reply } = answer.data as LoginReply & { token: string; expiresAt: string };
  // The server's clock says how long it is good, since the phone's may be wrong by days.
  const life = Date.parse(expiresAt) - (Date.parse(headerOf(answer, 'date')) || clock.now());
  const kept: Kept = { token, goodUntil: clock.now() + life, user: reply.user };
  return { kept, reply };
}

/** A code that was refused is replaced once. Any other refusal of a login stays one: the same profile fails again. */
const onceMore =
  <T>(attempt: () => Promise<T>) =>
  (error: unknown): Promise<T> => {
    if (error instanceof SessionError && error.status === 401 && error.retry === 'login') return attempt();
    throw error;
  };
