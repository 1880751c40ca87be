import { createCalls, type Request, type Upload, withRetries } from './calls.js';
import { failed, type Language, type SessionError } from './error.js';
import { goodUntil } from './good-until.js';
import { type Clock, type Platform, type Profile, realClock } from './platform.js';
import type { Reply } from './reply.js';
import { type Kept, read, type State, store, type User } from './storage.js';
import { createTapCode } from './tap-code.js';

export interface SessionOptions {
  /** Where weapp-login answers: `https://login.example.com`. */
  readonly baseUrl: string;
  /** `wx` by default; or Taro, or uni. */
  readonly platform?: Platform;
  /** When the server has several mini programs and wx.request does not tell it which one this is. */
  readonly appid?: string;
  readonly storageKey?: string;
  /** How often a call is repeated that may be. */
  readonly retries?: number;
  /** Of a request; an upload has a minute. */
  readonly timeoutMs?: number;
  /** Of the messages in errors. */
  readonly language?: Language;
  readonly clock?: Clock;
}

/** What the server says of a login. */
export interface LoginReply {
  readonly user: User;
  readonly isNew: boolean;
  /** What of the profile was left out, and why. */
  readonly issues?: SessionError['issues'];
}

/** `expired`: the server ended the session, or its time is over; a new login follows by itself. */
type Events = { login: LoginReply; expired: undefined; logout: undefined };
type Listeners = { [Name in keyof Events]: Set<(event: Events[Name]) => void> };

export type Session = ReturnType<typeof createSession>;

declare const wx: Platform;

/** A login that all pages share: make one, in a file of its own. */
export function createSession(options: SessionOptions) {
  const { platform = wx, appid, retries = 2, timeoutMs = 15_000 } = options;
  const baseUrl = withoutSlash(options.baseUrl);
  // The key is named after the server: no other one is ever sent its token.
  const { language = 'zh', clock = realClock, storageKey = `weapp-login ${baseUrl}` } = options;
  const calls = createCalls({ platform, clock, baseUrl, timeoutMs, language });
  const tapCode = createTapCode(clock, calls.code);
  const listeners: Listeners = { login: new Set(), expired: new Set(), logout: new Set() };

  let state = read(platform, storageKey);
  let pending: Promise<Kept> | undefined; // the login under way, which all share
  let tapped: Promise<User> | undefined; // the tap on a login button under way
  let logouts = 0; // what began before the last one is not wanted any more

  function keep(next: State): void {
    state = next;
    store(platform, storageKey, next);
  }

  const loggedIn = () => (state === 'out' ? undefined : state);

  /** Whoever logged out asks to be logged in. */
  function letIn(): void {
    if (state === 'out') keep(undefined);
  }

  function checkNoLogoutSince(began: number): void {
    if (began !== logouts) throw failed('logged_out', language);
  }

  /** Listeners are called after what happened is done: one that throws harms nobody else. */
  function emit<Name extends keyof Events>(name: Name, event: Events[Name]): void {
    for (const listener of listeners[name]) void Promise.resolve(event).then(listener);
  }

  /** wx.login, then `POST /api/wxuser`; every attempt with a new code, since the last one may be spent. */
  function postLogin(began: number, ready?: string, profile?: Profile): Promise<Reply> {
    const attempt = async () => {
      checkNoLogoutSince(began);
      const code = ready ?? (await calls.code());
      ready = undefined;
      checkNoLogoutSince(began);
      const data = { code, ...(appid && { appid }), ...profile };
      return calls.send({ url: '/api/wxuser', method: 'POST', data });
    };
    // A code that was refused is replaced once. Any other refusal stays one: the same profile fails again.
    const again = (error: SessionError) => (error.status === 401 ? attempt() : Promise.reject(error));
    return withRetries(clock, retries, () => attempt().catch(again));
  }

  async function logIn(code?: string, profile?: Profile): Promise<Kept> {
    const began = logouts;
    try {
      const answer = await postLogin(began, code, profile);
      const { token, expiresAt, ...reply } = answer.data as LoginReply & { token: string; expiresAt: string };
      if (began !== logouts) void endOnServer(token);
      checkNoLogoutSince(began);
      const kept: Kept = { token, goodUntil: goodUntil(token, expiresAt, clock.now()), user: reply.user };
      keep(kept);
      emit('login', reply);
      return kept;
    } finally {
      // A logout has forgotten it already, and the one that is pending now is another.
      if (began === logouts) pending = undefined;
      // Our wx.login may have changed the key.
      if (!tapped) tapCode.replace();
    }
  }

  /** The login to send with; another one than `refused`, which the server did not take. */
  async function current(refused?: Kept): Promise<Kept> {
    if (state === 'out') throw failed('logged_out', language);
    if (state && state !== refused && clock.now() < state.goodUntil) return state;
    if (state) {
      keep(undefined);
      emit('expired', undefined);
    }
    if (!tapped) {
      pending ??= logIn();
      return pending;
    }
    // A wx.login now could change the key under the profile; and the tap may log in by itself.
    await tapped.catch(() => {});
    return current(refused);
  }

  /** Sends with a token; logs in and sends once more where the server asks for it. */
  async function send<T>(request: Request | Upload, repeats: number): Promise<T> {
    const began = logouts;
    const sendWith = ({ token }: Kept) =>
      withRetries(clock, repeats, async () => {
        checkNoLogoutSince(began);
        return (await calls.send(request, token)).data as T;
      });
    const first = await current();
    return sendWith(first).catch(async (error: SessionError) => {
      if (error.retry !== 'login') throw error;
      const again = await current(first);
      // What one user began is not done in the name of another.
      if (again.user.id !== first.user.id) throw error;
      return sendWith(again);
    });
  }

  /** Nobody is logged in any more, and nothing may log him in unasked. */
  function forget(): void {
    logouts++;
    pending = undefined;
    keep('out');
    emit('logout', undefined);
  }

  /** Whether the server has ended the session of a token. */
  function endOnServer(token: string): Promise<boolean> {
    const end = () => calls.send({ url: '/api/wxuser/logout', method: 'POST' }, token);
    const wasOver = (error: SessionError) => error.status === 401;
    return withRetries(clock, retries, end).then(() => true, wasOver);
  }

  async function tap(desc: string): Promise<User> {
    const began = logouts;
    try {
      // wx.login may change the key that encrypts the profile: it comes first. getUserProfile must be called
      // in the tap itself: there is no time to wait for the code.
      const code = tapCode.get().catch(() => undefined);
      const profile = await calls.profile(desc);
      // Not before: a code that the user did not let us use is kept for his next tap.
      tapCode.spend();
      // One login at a time, and the profile is what stays.
      await pending?.catch(() => {});
      const ready = await code;
      checkNoLogoutSince(began);
      letIn();
      return (await logIn(ready, profile)).user;
    } finally {
      tapped = undefined;
    }
  }

  return {
    /** Returns what ends the listening. */
    on<Name extends keyof Events>(name: Name, listener: (event: Events[Name]) => void): () => void {
      listeners[name].add(listener);
      return () => void listeners[name].delete(listener);
    },

    /** Who is logged in, as he was at his login. */
    get user(): User | undefined {
      return loggedIn()?.user;
    },

    /** Logs in unless somebody is; all callers share it. */
    async login(): Promise<User> {
      letIn();
      return (await current()).user;
    },

    /** wx.request with the token, once there is one; gives the server's data, or throws a SessionError. */
    request<T = unknown>(request: Request): Promise<T> {
      const safe = request.repeat ?? request.method !== 'POST';
      return send(request, safe ? retries : 0);
    },

    /** wx.uploadFile, likewise. */
    upload<T = unknown>(upload: Upload): Promise<T> {
      return send(upload, upload.repeat ? retries : 0);
    },

    /** To be called when a page with a login button shows: gets the code that the tap needs, if it can. */
    async prepareProfileLogin(): Promise<void> {
      // A wx.login after ours could change the key.
      await pending?.catch(() => {});
      if (!tapped) await tapCode.get().catch(() => {});
    },

    /** To be called in the tap, with nothing awaited before: getUserProfile, then a login with it. */
    loginWithProfile(desc: string): Promise<User> {
      tapped ??= tap(desc);
      return tapped;
    },

    /**
     * Forgets the token, then ends the session; false where the server was not reached.
     * With `all`, every session of the user: asked of the server first, since without a token nobody could try again.
     */
    async logout({ all = false } = {}): Promise<boolean> {
      if (all) await send({ url: '/api/wxuser/logout', method: 'POST', data: { all } }, retries);
      const ended = loggedIn();
      forget();
      return all || !ended || endOnServer(ended.token);
    },

    /** Erases the account, and forgets it. After a refusal it does not log in again: that would make a new account. */
    async erase(): Promise<void> {
      const { token } = await current();
      const erased = withRetries(clock, retries, () =>
        calls.send({ url: '/api/wxuser/me', method: 'DELETE' }, token),
      );
      // A 401: it was erased by an attempt whose answer was lost, or the session had ended. Who knows?
      await erased.catch((error: SessionError) => {
        if (error.status === 401) forget();
        throw error;
      });
      forget();
    },
  };
}

function withoutSlash(url: string): string {
  return url.endsWith('/') ? withoutSlash(url.slice(0, -1)) : url;
}
