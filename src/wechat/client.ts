import type { HttpProxy } from '../outbound/proxy.ts';
import { createAccessTokens } from './access-token.ts';
import { createContentCheck, type WeChatContentCheck } from './content-check.ts';
import { createHttp } from './http.ts';
import { limitTo } from './limit.ts';
import { createLogin, type WeChatApp, type WeChatLogin } from './login.ts';
import { createPhoneNumbers, type WeChatPhoneNumbers } from './phone-number.ts';
import { createSessionKeys, type WeChatSessionKeys } from './session-key.ts';
import type { SharedToken } from './shared-token.ts';
import { type AppStanding, fetchToken, type TokenMode, tryToken } from './token-request.ts';
import { sendingWithToken } from './with-token.ts';

/** WeChat, as far as a login backend needs it. Every call fails with an AppError `wechat_*`, its cause in `reason`. */
export interface WeChat extends WeChatLogin, WeChatPhoneNumbers, WeChatSessionKeys, WeChatContentCheck {
  /** An access_token that is good as far as we know, for a call that is not here. It must reach no log and no client. */
  getAccessToken(): Promise<string>;
  /**
   * Asks WeChat whether the AppID, the AppSecret and our address are right; what it refuses is told, not thrown.
   * @throws {AppError} `wechat_unavailable` when it does not answer
   */
  checkApp(): Promise<AppStanding>;
  /** Closes the connections. */
  close(): void;
}

export interface WeChatOptions extends WeChatApp {
  /** Where WeChat answers, without a slash at the end. */
  readonly apiBase: string;
  /** What the way there leads through, if anything. */
  readonly proxy?: HttpProxy | undefined;
  /** `stable` when not given. */
  readonly tokenMode?: TokenMode;
  /** Where several instances share the access_token. */
  readonly sharedToken?: SharedToken | undefined;
  /** The clock that the lives of tokens go by. */
  readonly now?: () => Date;
  /** Told why an access_token could not be renewed before its end. */
  readonly notRenewed?: (reason: string) => void;
}

/** The only caller of WeChat. Opens no connection before the first call. */
export function createWeChat(options: WeChatOptions): WeChat {
  const { apiBase, timeoutMs, tokenMode: mode = 'stable', sharedToken: shared } = options;
  const { now = () => new Date(), notRenewed = () => undefined } = options;
  const http = createHttp(apiBase, options.proxy);
  const fetch = () => fetchToken(http, options, mode, now);
  const tokens = createAccessTokens({ fetch, mode, shared, now, notRenewed });
  const send = sendingWithToken(http, tokens, timeoutMs);
  return {
    ...createLogin(http, options),
    ...createPhoneNumbers(send),
    ...createSessionKeys(send),
    ...createContentCheck(send),
    getAccessToken: async () => (await limitTo(timeoutMs).wait(tokens.get())).value,
    checkApp: () => tryToken(http, options, limitTo(timeoutMs)),
    close() {
      tokens.close();
      http.close();
    },
  };
}
