import { checkReply } from './contract.js';
import { failed, type Language, type OwnCode, SessionError } from './error.js';
import type { Callbacks, Clock, Method, Platform, Profile, Response } from './platform.js';
import { type Reply, readReply, refusal } from './reply.js';

export interface Request {
  /** A path of the server: `/api/wxuser/me`. */
  readonly url: string;
  readonly method?: Method;
  readonly data?: string | object;
  readonly header?: Record<string, string>;
  readonly timeoutMs?: number;
  /** A POST that may be sent twice: it is repeated too when the server says `later`. */
  readonly repeat?: boolean;
}

export interface Upload extends Omit<Request, 'method' | 'data'> {
  readonly filePath: string;
  /** Name of the field; `file` by default. */
  readonly name?: string;
  readonly formData?: Record<string, unknown>;
}

const WX_LOGIN_MS = 10_000;
const PROFILE_MS = 120_000; // the user reads a dialog meanwhile
const UPLOAD_MS = 60_000; // a picture over a slow network
const GRACE_MS = 2_000; // wx.request's own time-out comes first, where it works
const LONGEST_WAIT_MS = 30_000; // who is asked to wait longer is told so instead

interface Needs {
  readonly platform: Platform;
  readonly clock: Clock;
  readonly baseUrl: string;
  readonly timeoutMs: number;
  readonly language: Language;
}

type Call<T> = (callbacks: Callbacks<T>) => unknown;

/** The calls of wx that go out, as promises; whatever fails is a SessionError. */
export function createCalls({ platform, clock, baseUrl, timeoutMs, language }: Needs) {
  /** The first callback counts; where none comes in time, the call is ended. */
  async function ask<T>(ms: number, call: Call<T>, failure: OwnCode): Promise<T> {
    let task: { abort?(): void; catch?(handle: () => void): void } = {};
    try {
      return await new Promise<T>((success, fail) => {
        task = Object(call({ success, fail }));
        // Taro gives a promise as well, which fails with nobody to hear it.
        task.catch?.(() => {});
        clock.after(ms, () => fail(failed('timed_out', language)));
      });
    } catch (error) {
      if (!(error instanceof SessionError)) throw failed(failure, language, error);
      task.abort?.();
      throw error;
    }
  }

  return {
    /** A new code of wx.login. */
    async code(): Promise<string> {
      const call: Call<{ code: string }> = (callbacks) => platform.login(callbacks);
      const { code } = Object(await ask(WX_LOGIN_MS, call, 'login_failed')) as { code?: unknown };
      if (typeof code !== 'string' || !code) throw failed('login_failed', language, 'no code');
      return code;
    },

    /** wx.getUserProfile, called at once: it needs the tap. Gives what the server wants of it. */
    async profile(desc: string): Promise<Profile> {
      if (!platform.getUserProfile) throw failed('profile_failed', language, 'there is no getUserProfile');
      const call: Call<Profile> = (callbacks) => platform.getUserProfile?.({ desc, ...callbacks });
      const asked = ask(PROFILE_MS, call, 'profile_failed').catch((error: SessionError) => {
        const denied = /deny|denied|cancel|not authorized/.test(error.reason);
        throw denied ? failed('profile_denied', language, error.reason) : error;
      });
      const { encryptedData, iv, rawData, signature } = Object(await asked) as Profile;
      if (!rawData && !encryptedData) throw failed('profile_failed', language, 'no profile');
      return { encryptedData, iv, rawData, signature };
    },

    /** wx.request, or wx.uploadFile where there is a `filePath`; a status that is no success, and a reply that is not the server's, are failures. */
    async send(request: Request | Upload, token?: string): Promise<Reply> {
      const { url } = request;
      // The token goes to baseUrl only.
      if (!url.startsWith('/')) throw failed('path_expected', language);
      const isUpload = 'filePath' in request;
      const method = isUpload ? 'POST' : (request.method ?? 'GET');
      const sent = {
        url: baseUrl + url,
        header: { 'Accept-Language': language, ...request.header, ...(token && { Authorization: token }) },
        timeout: request.timeoutMs ?? (isUpload ? UPLOAD_MS : timeoutMs),
      };
      const call: Call<Response> = (callbacks) => {
        if (isUpload) {
          const { filePath, name = 'file', formData = {} } = request;
          return platform.uploadFile({ ...sent, filePath, name, formData, ...callbacks });
        }
        const { data } = request;
        return platform.request({ ...sent, method, ...(data !== undefined && { data }), ...callbacks });
      };
      const reply = readReply(await ask(sent.timeout + GRACE_MS, call, 'network_failed'), language);
      if (reply.status < 200 || reply.status >= 300) throw refusal(reply);
      checkReply(reply, { method, url, baseUrl }, language);
      return reply;
    },
  };
}

/** Repeats what fails with `later`, so often: after Retry-After, else after about 1 s, 2 s, 4 s … */
export async function withRetries<T>(clock: Clock, retries: number, attempt: () => Promise<T>): Promise<T> {
  for (let tries = 0; ; tries++) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof SessionError) || error.retry !== 'later' || tries >= retries) throw error;
      // Not the same for all phones: they would come back together.
      const half = 500 * 2 ** tries;
      const ms = (error.retryAfter ? error.retryAfter * 1000 : half) + half * Math.random();
      if (ms > LONGEST_WAIT_MS) throw error;
      await new Promise<void>((resolve) => void clock.after(ms, resolve));
    }
  }
}
