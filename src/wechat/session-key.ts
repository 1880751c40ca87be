import { createHmac } from 'node:crypto';
import { z } from 'zod';
import { checked } from './http.ts';
import { accepted, SESSION_KEY_OVER } from './refusals.ts';
import type { SendWithToken } from './with-token.ts';

/** Whether a session_key is still the user's, without sending it. */
export interface WeChatSessionKeys {
  /**
   * Tells whether this is the user's session_key now.
   * @see https://developers.weixin.qq.com/miniprogram/dev/OpenApiDoc/user-login/checkSessionKey.html
   */
  checkSessionKey(openid: string, sessionKey: string): Promise<boolean>;
  /**
   * Has WeChat replace the user's session_key, with the same end of its life, and answers the new one.
   * @throws {AppError} `wechat_session_over` when it is not the user's any more
   * @see https://developers.weixin.qq.com/miniprogram/dev/OpenApiDoc/user-login/ResetUserSessionKey.html
   */
  resetUserSessionKey(openid: string, sessionKey: string): Promise<string>;
}

const CHECK = '/wxa/checksession';
const RESET = '/wxa/resetusersessionkey';

const renewed = z.object({ session_key: z.string().min(1).max(64) });

export function createSessionKeys(send: SendWithToken): WeChatSessionKeys {
  function ask(path: string, openid: string, sessionKey: string) {
    const signature = createHmac('sha256', sessionKey).update('').digest('hex');
    const params = { openid, signature, sig_method: 'hmac_sha256' };
    return send({ path, params, private: [openid, signature, sessionKey] });
  }

  return {
    async checkSessionKey(openid, sessionKey) {
      const reply = await ask(CHECK, openid, sessionKey);
      if (SESSION_KEY_OVER.has(reply.errcode)) return false;
      accepted(CHECK, reply);
      return true;
    },
    async resetUserSessionKey(openid, sessionKey) {
      const reply = await ask(RESET, openid, sessionKey);
      return checked(renewed, accepted(RESET, reply)).session_key;
    },
  };
}
