import { createCalls, type Request, type Upload } from './calls.js';
import { failed, type Language, SessionError } from './error.js';
import { createEvents } from './events.js';
import { logIn, type Tap } from './log-in.js';
import { type Clock, type Platform, type Response, realClock } from './platform.js';
import { withRetries } from './retries.js';
import { createStorage, type Kept, type User } from './storage.js';
import { createTap } from './tap.js';

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

export type Session = ReturnType<typeof createSession>;

declare const wx: Platform;

/** A login that all pages share: make one, in a file of its own. */
export function createSession(options: SessionOptions) {
  const {
    platform = wx,
    appid,
    retries = 2,
    timeoutMs = 15_000,
    language = 'zh',
    clock = realClock,
  } = options;
  const baseUrl = options.baseUrl.replace(/\/+$/, '');
  const calls = createCalls({ platform, clock, baseUrl, timeoutMs, language });
  // Named after the server: no other one is ever sent its token.
  const storage = createStorage(platform, options.storageKey ?? `weapp-login ${baseUrl}`);
  const events = createEvents();
  const tap = createTap(calls, clock);

  /** The login that is under way. */
  let pending: Promise<Kept> | undefined;
  /** A logout makes it another one: what began before is not wanted any more. */
  let era = 0;
  /** The tap of a login button that is under way. */
  let tapped: Promise<User> | undefined;

  const since = (mine: number) => () => {
    if (mine !== era) throw failed('logged_out', language);
  };

  function start(what: Tap & { after?: Promise<unknown> | undefined } = {}): Promise<Kept> {
    const check = since(era);
    const run = async (): Promise<Kept> => {
      await what.after?.catch(() => {});
      const { kept, reply } = await logIn({ calls, clock, retries, appid, check }, what);
      try {
        check();
      } catch (error) {
        void end(kept.token);
        throw error;
      }
      storage.set(kept);
      events.emit('login', reply);
      return kept;
    };
    const login = run();
    pending = login;
    const done = () => {
      if (pending === login) pending = undefined;
      if (!what.profile && !tapped) tap.renew();
    };
    login.then(done, done);
    return login;
  }

  /** The login to send a request with. */
  async function current(): Promise<Kept> {
    const state = storage.get();
    if (state === 'out') throw failed('logged_out', language);
    if (state && clock.now() < state.goodUntil) return state;
    if (state) expire(state);
    if (!tapped) return pending ?? start();
    // A wx.login now could change the key under the profile; and the tap may log in by itself.
    await tapped.catch(() => {});
    return current();
  }

  /** The login after one that the server refused; whoever comes first starts it, for all. */
  async function next(refused: Kept): Promise<Kept> {
    const state = storage.get();
    if (state !== 'out' && state?.token === refused.token) expire(state);
    return current();
  }

  function expire(kept: Kept): void {
    if (storage.get() !== kept) return;
    storage.set(undefined);
    events.emit('expired', undefined);
  }

  /** Sends with a token; logs in and sends once more where the server asks for it. */
  async function withLogin(send: (token: string) => Promise<Response>, repeats: number): Promise<Response> {
    const check = since(era);
    const sendWith = ({ token }: Kept) =>
      withRetries(clock, repeats, async () => {
        check();
        return send(token);
      });
    const first = await current();
    try {
      return await sendWith(first);
    } catch (error) {
      if (!(error instanceof SessionError) || error.retry !== 'login') throw error;
      const again = await next(first);
      // What one user began is not done in the name of another.
      if (again.user.id !== first.user.id) throw error;
      return sendWith(again);
    }
  }

  /** Whether the server has ended the session of a token. */
  async function end(token: string, all = false): Promise<boolean> {
    const request: Request = { url: '/api/wxuser/logout', method: 'POST', data: { all } };
    return withRetries(clock, retries, () => calls.request(request, token)).then(
      () => true,
      (error: SessionError) => error.status === 401,
    );
  }

  return {
    on: events.on,

    /** Who is logged in, as he was at his login. */
    get user(): User | undefined {
      const state = storage.get();
      return state === 'out' ? undefined : state?.user;
    },

    /** Logs in unless somebody is; all callers share it. */
    async login(): Promise<User> {
      if (storage.get() === 'out') storage.set(undefined);
      return (await current()).user;
    },

    /** wx.request with the token, once there is one; gives what the server answers, or throws a SessionError. */
    async request<T = unknown>(request: Request): Promise<T> {
      const safe = request.repeat ?? request.method !== 'POST';
      const response = await withLogin((token) => calls.request(request, token), safe ? retries : 0);
      return response.data as T;
    },

    /** wx.uploadFile, likewise. */
    async upload<T = unknown>(upload: Upload): Promise<T> {
      const repeats = upload.repeat ? retries : 0;
      return (await withLogin((token) => calls.upload(upload, token), repeats)).data as T;
    },

    /** To be called when a page with a login button loads: gets the code that the tap needs. Where it fails, the tap asks itself. */
    async prepareProfileLogin(): Promise<void> {
      // A wx.login after ours could change the key.
      await pending?.catch(() => {});
      if (!tapped) await tap.prepare().catch(() => {});
    },

    /** To be called in the tap, with nothing awaited before: getUserProfile, then a login with it. */
    loginWithProfile(desc: string): Promise<User> {
      if (tapped) return tapped;
      const run = async (): Promise<User> => {
        const what = await tap.getUserProfile(desc);
        if (storage.get() === 'out') storage.set(undefined);
        return (await start({ ...what, after: pending })).user;
      };
      const mine = run();
      tapped = mine;
      const done = () => {
        tapped = undefined;
      };
      mine.then(done, done);
      return mine;
    },

    /** Forgets the token at once, then ends the session (or all of mine); false where the server could not be told. */
    async logout({ all = false } = {}): Promise<boolean> {
      const state = storage.get();
      era++;
      pending = undefined;
      storage.set('out');
      events.emit('logout', undefined);
      return state && state !== 'out' ? end(state.token, all) : true;
    },
  };
}
