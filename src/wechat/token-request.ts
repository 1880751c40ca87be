import { z } from 'zod';
import type { ErrorCode } from '../errors.ts';
import { number } from './fields.ts';
import { type Call, checked, type Http } from './http.ts';
import { type Limit, limitTo } from './limit.ts';
import type { WeChatApp } from './login.ts';
import { accepted, meaningOf } from './refusals.ts';

/** How access_tokens are fetched: `stable` as often as one likes; `plain`, where each ends the one before. */
export type TokenMode = 'stable' | 'plain';

/** An access_token and the end of its life. */
export interface AccessToken {
  readonly value: string;
  readonly expiresAt: Date;
}

/** What WeChat says of our AppID, AppSecret and address. */
export interface AppStanding {
  /** 0 when all of them are right. */
  readonly errcode: number;
  readonly errmsg: string;
  /** Our name for the errcode; undefined for 0. */
  readonly code: ErrorCode | undefined;
  /** What to mend. */
  readonly hint: string | undefined;
  /** What WeChat's clock said, to the second, if it did. */
  readonly serverTime: Date | undefined;
}

const grant_type = 'client_credential';
const granted = z.object({
  access_token: z.string().min(16).max(1024),
  expires_in: number.pipe(z.number().min(1).max(86_400)),
});

/**
 * Fetches an access_token. `force_refresh` is never used: it would end the token of whoever else shares it.
 * @throws {AppError} `wechat_*`
 */
export async function fetchToken(
  http: Http,
  app: WeChatApp,
  mode: TokenMode,
  now: () => Date,
): Promise<AccessToken> {
  const asked = now().getTime();
  const call = mode === 'stable' ? stableToken(app) : plainToken(app);
  const reply = await http.send(call, limitTo(app.timeoutMs));
  const { access_token, expires_in } = checked(granted, accepted(call.path, reply));
  return { value: access_token, expiresAt: new Date(asked + expires_in * 1000) };
}

/**
 * Asks for a stable token, which ends nobody's, and tells what WeChat answered.
 * @throws {AppError} `wechat_unavailable` when it did not answer
 */
export async function tryToken(http: Http, app: WeChatApp, limit: Limit): Promise<AppStanding> {
  const call = stableToken(app);
  const { errcode, errmsg, serverTime } = await http.send(call, limit);
  if (errcode === 0) return { errcode, errmsg, code: undefined, hint: undefined, serverTime };
  const { code, hint } = meaningOf(call.path, errcode);
  return { errcode, errmsg, code, hint, serverTime };
}

/** @see https://developers.weixin.qq.com/miniprogram/dev/OpenApiDoc/mp-access-token/getStableAccessToken.html */
function stableToken({ appid, secret }: WeChatApp): Call {
  const body = { grant_type, appid, secret, force_refresh: false };
  return { path: '/cgi-bin/stable_token', body, private: [secret] };
}

/** @see https://developers.weixin.qq.com/miniprogram/dev/OpenApiDoc/mp-access-token/getAccessToken.html */
function plainToken({ appid, secret }: WeChatApp): Call {
  return { path: '/cgi-bin/token', params: { grant_type, appid, secret }, private: [secret] };
}
