import { failed, type Language, type Retry, SessionError } from './error.js';
import type { Callbacks, Clock, Data, Method, Platform, Profile, Response } from './platform.js';

export interface Request {
  /** A path of the server: `/api/wxuser/me`. */
  readonly url: string;
  readonly method?: Method;
  readonly data?: Data;
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

interface Needs {
  readonly platform: Platform;
  readonly clock: Clock;
  readonly baseUrl: string;
  readonly timeoutMs: number;
  readonly language: Language;
}

const WX_LOGIN_MS = 10_000;
/** The user reads a dialog meanwhile. */
const PROFILE_MS = 120_000;
/** wx.request's own time-out comes first, where it works. */
const GRACE_MS = 2_000;
/** A picture over a slow network. */
const UPLOAD_MS = 60_000;

/** The calls of wx that go out, as promises: an answer of the server that is no success is a SessionError. */
export type Calls = ReturnType<typeof createCalls>;

export function createCalls({ platform, clock, baseUrl, timeoutMs, language }: Needs) {
  /** The first callback counts, and late ones change nothing; where none comes, it is `timed_out`. */
  function promise<T>(
    ms: number,
    call: (callbacks: Callbacks<T>) => unknown,
    failure: FailureOf,
  ): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      let open = true;
      const answered =
        <A>(settle: (answer: A) => void) =>
        (answer: A) => {
          open = false;
          settle(answer);
        };
      const task = Object(call({ success: answered(resolve), fail: answered(reject) })) as Task;
      // Taro gives a promise as well, which fails with nobody to hear it.
      task.catch?.(() => {});
      clock.after(ms, () => {
        if (!open) return;
        reject(failed('timed_out', language));
        task.abort?.();
      });
    }).catch((error) => {
      throw error instanceof SessionError ? error : failure(error);
    });
  }

  const offline: FailureOf = (error) => failed('network_failed', language, error);

  function head({ url, header }: Request | Upload, token: string | undefined) {
    if (!url.startsWith('/')) throw failed('path_expected', language);
    return {
      url: baseUrl + url,
      header: { 'Accept-Language': language, ...header, ...(token && { Authorization: token }) },
    };
  }

  return {
    /** A new code of wx.login. */
    code: async (): Promise<string> => {
      const call = (callbacks: Callbacks<{ code: string }>) => platform.login(callbacks);
      const { code } = await promise(WX_LOGIN_MS, call, (error) => failed('login_failed', language, error));
      if (!code) throw failed('login_failed', language, 'no code');
      return code;
    },

    /** wx.getUserProfile, called at once: it needs the tap. */
    profile: (desc: string): Promise<Profile> => {
      const call = (callbacks: Callbacks<Profile>) => {
        if (!platform.getUserProfile) throw new Error('there is no getUserProfile');
        return platform.getUserProfile({ desc, ...callbacks });
      };
      return promise(PROFILE_MS, call, (error) => {
        const failure = failed('profile_failed', language, error);
        const denied = /deny|denied|cancel/.test(failure.reason);
        return denied ? failed('profile_denied', language, error) : failure;
      });
    },

    request: async (request: Request, token?: string): Promise<Response> => {
      const { method = 'GET', data, timeoutMs: timeout = timeoutMs } = request;
      const options = { ...head(request, token), method, timeout, ...(data !== undefined && { data }) };
      const call = (callbacks: Callbacks<Response>) => platform.request({ ...options, ...callbacks });
      return checked(await promise(options.timeout + GRACE_MS, call, offline));
    },

    upload: async (upload: Upload, token?: string): Promise<Response> => {
      const { filePath, name = 'file', formData, timeoutMs: timeout = UPLOAD_MS } = upload;
      const options = { ...head(upload, token), timeout, filePath, name, ...(formData && { formData }) };
      const call = (callbacks: Callbacks<Response>) => platform.uploadFile({ ...options, ...callbacks });
      const response = await promise(options.timeout + GRACE_MS, call, offline);
      return checked({ ...response, data: parsed(response.data) });
    },
  };
}

type FailureOf = (error: unknown) => SessionError;

interface Task {
  abort?(): void;
  catch?(handle: () => void): void;
}

/** A header of a response, whatever the case of its name. */
export function headerOf({ header = {} }: Response, name: string): string {
  const found = Object.entries(header).find(([each]) => each.toLowerCase() === name);
  return found ? String(found[1]) : '';
}

/** Every HTTP status comes as a success. */
function checked(response: Response): Response {
  const { statusCode: status } = response;
  if (status >= 200 && status < 400) return response;
  const body = Object(response.data) as Partial<SessionError>;
  const retryAfter = Number(headerOf(response, 'retry-after')) || undefined;
  throw new SessionError({
    // What a proxy on the way answers, or a route of yours, need not have our form.
    code: typeof body.code === 'string' ? body.code : `http_${status}`,
    status,
    retry: body.retry ?? retryOf(status),
    messages: String(body.messages ?? `HTTP ${status}`),
    requestId: String(body.requestId ?? ''),
    retryAfter,
    issues: body.issues,
  });
}

function retryOf(status: number): Retry {
  if (status === 401) return 'login';
  return status === 429 || status >= 502 ? 'later' : 'never';
}

function parsed(data: unknown): unknown {
  try {
    return JSON.parse(String(data));
  } catch {
    return data;
  }
}
