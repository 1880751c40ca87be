import type { AxiosResponse } from 'axios';
import { z } from 'zod';
import { AppError } from '../errors.ts';
import { createClient, isOfProxy } from '../outbound/client.ts';
import { nameOf, refusedByProxy, whyUnreached } from '../outbound/failure.ts';
import type { HttpProxy } from '../outbound/proxy.ts';
import { noneIfEmpty, number } from './fields.ts';
import { hide } from './hide.ts';
import type { Limit } from './limit.ts';

/** One call of WeChat. */
export interface Call {
  readonly path: string;
  readonly params?: Readonly<Record<string, string>>;
  /** With a body it is a POST of JSON, without one a GET. */
  readonly body?: object;
  /** What must not come back in a log, even if WeChat repeats it. */
  readonly private: readonly string[];
}

/** What WeChat answered: a JSON object. */
export interface Reply {
  /** 0 is a success, which jscode2session and the tokens say by having none. */
  readonly errcode: number;
  /** Holds nothing that is private. */
  readonly errmsg: string;
  readonly body: object;
  /** What WeChat's clock said, if it did. */
  readonly serverTime: Date | undefined;
}

/** How WeChat is talked to. Opens no connection before the first call. */
export interface Http {
  /**
   * Asks, repeated once where WeChat asks for it (-1) or a kept connection turns out to be closed.
   * @throws {AppError} `wechat_unavailable` when no reply of WeChat comes within the limit, at once when too many calls wait
   */
  send(call: Call, limit: Limit): Promise<Reply>;
  /** Closes the connections. */
  close(): void;
}

const MAX_REPLY_BYTES = 64 * 1024;

/** Connections to WeChat, of each app. */
export const MAX_SOCKETS = 64;

/** Calls of one app that are under way or wait for a connection. A WeChat that hangs must not take everything we have. */
export const MAX_CALLS = 256;

const RETRY_SECONDS = 5;

const failure = z.object({
  errcode: z.preprocess(noneIfEmpty, number.default(0)),
  errmsg: z.preprocess(noneIfEmpty, z.string().catch('')),
});

/**
 * @param apiBase where WeChat answers, without a slash at the end
 * @param proxy what the way there leads through, if anything
 */
export function createHttp(apiBase: string, proxy?: HttpProxy): Http {
  const options = {
    baseURL: apiBase,
    maxContentLength: MAX_REPLY_BYTES,
    responseType: 'text', // code2Session sends JSON as text/plain: the body decides, not the header
  } as const;
  const http = createClient(proxy, options, MAX_SOCKETS);

  let calls = 0;
  return {
    async send({ path, params, body, private: secrets }, limit) {
      if (calls >= MAX_CALLS) throw tooManyCalls();
      calls += 1;
      const method = body ? 'POST' : 'GET';
      const ask = () => http.request<string>({ method, url: path, params, data: body, signal: limit.signal });
      try {
        const response = await ask().catch((error: unknown) => {
          if (isClosedKeptConnection(error)) return ask();
          throw error;
        });
        const reply = read(response, secrets, proxy);
        return reply.errcode === -1 ? read(await ask(), secrets, proxy) : reply;
      } catch (error) {
        if (error instanceof AppError) throw error;
        if (limit.signal.aborted) throw limit.exceeded(proxy && nameOf(proxy));
        // An AxiosError carries the URL and the body, and with them every secret: only its code goes on.
        const { code } = error as { code?: unknown };
        throw new AppError('wechat_unavailable', { reason: whyUnreached('WeChat', code, proxy) });
      } finally {
        calls -= 1;
      }
    },
    close: http.close,
  };
}

function tooManyCalls(): AppError {
  const reason = `${MAX_CALLS} calls wait for WeChat already: it hangs or is slow, or there are more logins than it answers`;
  return new AppError('wechat_unavailable', { retryAfter: RETRY_SECONDS, reason });
}

/**
 * Checks that a reply holds what it should.
 * @throws {AppError} `wechat_unavailable` with the names of the fields that do not
 */
export function checked<T>(schema: z.ZodType<T>, body: object): T {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const fields = parsed.error.issues.map((issue) => issue.path.join('.')).join(', ');
  throw new AppError('wechat_unavailable', { reason: `WeChat's reply lacks or malforms: ${fields}` });
}

/** Checks that a response is what WeChat sends. */
function read(
  response: AxiosResponse<string>,
  secrets: readonly string[],
  proxy: HttpProxy | undefined,
): Reply {
  const { status, data, headers } = response;
  const body = parse(data);
  if (status !== 200 || !body)
    throw new AppError('wechat_unavailable', { reason: whatCame(response, proxy) });
  const { errcode, errmsg } = checked(failure, body);
  const said = Date.parse(String(headers['date']));
  const serverTime = Number.isNaN(said) ? undefined : new Date(said);
  return { errcode, errmsg: hide(errmsg, secrets), body, serverTime };
}

function whatCame(response: AxiosResponse<string>, proxy: HttpProxy | undefined): string {
  const { status } = response;
  if (proxy && isOfProxy(response)) return refusedByProxy('WeChat', status, proxy);
  const what = status !== 200 ? `HTTP ${status}` : 'something that is not a JSON object';
  const way = proxy ? `, by way of ${nameOf(proxy)}` : '';
  return `WeChat answered ${what}${way}: is WX_API_BASE right?`;
}

function parse(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

/** The race every keep-alive client has: the server closed the connection just as we wrote to it. */
function isClosedKeptConnection(error: unknown): boolean {
  const { code, request } = error as { code?: unknown; request?: { reusedSocket?: boolean } };
  return request?.reusedSocket === true && (code === 'ECONNRESET' || code === 'EPIPE');
}
