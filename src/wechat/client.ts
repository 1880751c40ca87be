import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import axios, { type AxiosInstance } from 'axios';
import { z } from 'zod';
import { AppError } from '../errors.ts';
import { refusal } from './refusals.ts';

/** What code2Session tells of a user. The session_key never leaves the server. */
export interface WeChatSession {
  readonly openid: string;
  readonly unionid: string | undefined;
  readonly sessionKey: string;
}

/** WeChat, as far as a login needs it. */
export interface WeChat {
  /**
   * Exchanges a wx.login code for who the user is. Two calls in flight with one code share one request.
   * @throws {AppError} `wechat_*`, with the cause in `reason`.
   * @see https://developers.weixin.qq.com/miniprogram/dev/OpenApiDoc/user-login/code2Session.html
   */
  code2Session(code: string): Promise<WeChatSession>;
  /** Closes idle connections. */
  close(): void;
}

export interface WeChatOptions {
  readonly appid: string;
  readonly secret: string;
  /** Where WeChat answers, without a slash at the end. */
  readonly apiBase: string;
  /** The longest that one call may take, a retry included. */
  readonly timeoutMs: number;
}

const MAX_REPLY_BYTES = 64 * 1024;

const session = z.object({
  openid: z.string().min(1).max(64),
  unionid: z.string().min(1).max(64).optional(),
  session_key: z.string().min(1).max(64),
});
const failure = z.object({ errcode: z.number(), errmsg: z.string().default('') });

/** The only caller of WeChat. Opens no connection before the first call. */
export function createWeChat(options: WeChatOptions): WeChat {
  const agents = {
    httpAgent: new HttpAgent({ keepAlive: true }),
    httpsAgent: new HttpsAgent({ keepAlive: true }),
  };
  const http = axios.create({
    ...agents,
    baseURL: options.apiBase,
    maxRedirects: 0, // an API has no business redirecting
    maxContentLength: MAX_REPLY_BYTES,
    responseType: 'text', // code2Session sends JSON as text/plain: the body decides, not the header
    transformResponse: (body: unknown) => body,
    validateStatus: () => true,
    // A proxy for the outside world cannot reach a sandbox on this machine.
    ...(isLoopback(options.apiBase) && { proxy: false as const }),
  });
  const inFlight = new Map<string, Promise<WeChatSession>>();

  async function exchange(code: string): Promise<WeChatSession> {
    const { appid, secret, timeoutMs } = options;
    const params = { appid, secret, js_code: code, grant_type: 'authorization_code' };
    const reply = await get(http, '/sns/jscode2session', { params, private: [secret, code], timeoutMs });
    const { openid, unionid, session_key } = checked(session, reply);
    return { openid, unionid, sessionKey: session_key };
  }

  return {
    code2Session(code) {
      const shared = inFlight.get(code) ?? exchange(code).finally(() => inFlight.delete(code));
      inFlight.set(code, shared);
      return shared;
    },
    close() {
      agents.httpAgent.destroy();
      agents.httpsAgent.destroy();
    },
  };
}

interface Call {
  readonly params: Readonly<Record<string, string>>;
  /** Parameters that must not come back in a log, even if WeChat repeats them. */
  readonly private: readonly string[];
  readonly timeoutMs: number;
}

/** One GET, repeated once where WeChat asks for it (-1) or a kept connection turns out to be closed. */
async function get(http: AxiosInstance, path: string, call: Call): Promise<object> {
  const { params, timeoutMs } = call;
  const signal = AbortSignal.timeout(timeoutMs); // a limit for the whole call, whatever trickles in
  const ask = () => http.get<string>(path, { params, signal });
  try {
    let response = await ask().catch((error: unknown) => {
      if (isClosedKeptConnection(error)) return ask();
      throw error;
    });
    if (errcodeOf(parse(response.data)) === -1) response = await ask();
    return accepted(response, call.private);
  } catch (error) {
    if (error instanceof AppError) throw error;
    // An AxiosError carries the URL, and with it the secret and the code: only its code and kind go on.
    const { code } = error as { code?: unknown };
    const reason = signal.aborted
      ? `did not answer within ${timeoutMs} ms`
      : `could not be reached (${code})`;
    throw new AppError('wechat_unavailable', { reason: `WeChat ${reason}` });
  }
}

/** Checks that a response is what WeChat sends, and raises the errcode it may hold. */
function accepted(response: { status: number; data: string }, sent: readonly string[]): object {
  const body = parse(response.data);
  if (response.status !== 200 || !body) {
    const what = response.status !== 200 ? `HTTP ${response.status}` : 'something that is not a JSON object';
    throw new AppError('wechat_unavailable', { reason: `WeChat answered ${what}: is WX_API_BASE right?` });
  }
  const failed = failure.safeParse(body);
  // A success has no errcode; 0 means the same.
  if (failed.success && failed.data.errcode !== 0) throw refusal(failed.data, sent);
  return body;
}

function checked<T>(schema: z.ZodType<T>, body: object): T {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const fields = parsed.error.issues.map((issue) => issue.path.join('.')).join(', ');
  throw new AppError('wechat_unavailable', { reason: `WeChat's reply lacks or malforms: ${fields}` });
}

function parse(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

function errcodeOf(body: object | undefined): number | undefined {
  return failure.safeParse(body).data?.errcode;
}

/** The race every keep-alive client has: the server closed the connection just as we wrote to it. */
function isClosedKeptConnection(error: unknown): boolean {
  const { code, request } = error as { code?: unknown; request?: { reusedSocket?: boolean } };
  return request?.reusedSocket === true && (code === 'ECONNRESET' || code === 'EPIPE');
}

function isLoopback(url: string): boolean {
  return /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(new URL(url).hostname);
}
