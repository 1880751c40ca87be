import { z } from 'zod';
import { isPhoneCode } from './codes.ts';
import { noneIfEmpty } from './fields.ts';
import { checked, type Http } from './http.ts';
import { limitTo } from './limit.ts';
import { accepted } from './refusals.ts';

/** What code2Session tells of a user. The session_key never leaves the server. */
export interface WeChatSession {
  readonly openid: string;
  readonly unionid: string | undefined;
  readonly sessionKey: string;
}

/** What a login asks WeChat. It needs no access_token, and never waits for one. */
export interface WeChatLogin {
  /**
   * Exchanges a wx.login code for who the user is. Two calls in flight with one code share one request.
   * @throws {AppError} `wechat_*`, or `login_code_expected` for the code of a getPhoneNumber button
   * @see https://developers.weixin.qq.com/miniprogram/dev/OpenApiDoc/user-login/code2Session.html
   */
  code2Session(code: string): Promise<WeChatSession>;
}

/** Whose calls they are, and how long each may take. */
export interface WeChatApp {
  readonly appid: string;
  readonly secret: string;
  /** The longest that one call may take, a retry included. */
  readonly timeoutMs: number;
}

const PATH = '/sns/jscode2session';

/** Printable ASCII, as the columns hold it: another one is no answer of WeChat's. */
const id = z.string().regex(/^[\x21-\x7e]{1,64}$/);
/** Most apps have none, which is said by leaving it out, by `null` or by an empty text. */
const unionid = z.preprocess(noneIfEmpty, id.optional());
const session = z.object({ openid: id, unionid, session_key: id });

export function createLogin(http: Http, { appid, secret, timeoutMs }: WeChatApp): WeChatLogin {
  const inFlight = new Map<string, Promise<WeChatSession>>();

  async function exchange(code: string): Promise<WeChatSession> {
    const params = { appid, secret, js_code: code, grant_type: 'authorization_code' };
    const reply = await http.send({ path: PATH, params, private: [secret, code] }, limitTo(timeoutMs));
    const instead = isPhoneCode(code) ? { wechat_code_invalid: 'login_code_expected' as const } : {};
    const { openid, unionid, session_key } = checked(session, accepted(PATH, reply, instead));
    return { openid, unionid, sessionKey: session_key };
  }

  return {
    code2Session(code) {
      const shared = inFlight.get(code) ?? exchange(code).finally(() => inFlight.delete(code));
      inFlight.set(code, shared);
      return shared;
    },
  };
}
