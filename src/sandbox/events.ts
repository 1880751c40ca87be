import { createHash } from 'node:crypto';
import type { Verdict } from './verdicts.ts';

/** What WeChat tells the developer of a user. */
export type UserEvent =
  | 'user_info_modified'
  | 'user_authorization_revoke'
  | 'user_authorization_cancellation';

/** A message that is pushed, in its JSON form. */
export interface PushMessage {
  readonly ToUserName: string;
  readonly FromUserName: string;
  readonly CreateTime: number;
  readonly MsgType: 'event';
  readonly Event: string;
  readonly [field: string]: unknown;
}

interface Envelope {
  readonly appid: string;
  readonly openid: string;
  readonly now: Date;
}

/**
 * A user's profile was cleaned, he took back an authorization, or he left WeChat.
 * @param revokeInfo what he took back: 6 nickname and avatar, 8 phone number; see WeChat's page for the others
 * @see https://developers.weixin.qq.com/miniprogram/security/basic/listen.html
 */
export function userEvent(event: UserEvent, to: Envelope, revokeInfo: string): PushMessage {
  return {
    ...envelope(event, to),
    OpenID: to.openid,
    AppID: to.appid,
    ...(event === 'user_authorization_revoke' && { RevokeInfo: revokeInfo }),
  };
}

/**
 * The result of `media_check_async`.
 * @see https://developers.weixin.qq.com/miniprogram/dev/server/API/sec-center/sec-check/api_mediacheckasync.html
 */
export function mediaCheckEvent(traceId: string, { result, detail }: Verdict, to: Envelope): PushMessage {
  return {
    ...envelope('wxa_media_check', to),
    appid: to.appid,
    trace_id: traceId,
    version: 2,
    detail,
    errcode: 0,
    errmsg: 'ok',
    result,
  };
}

function envelope(event: string, { appid, openid, now }: Envelope): PushMessage {
  return {
    ToUserName: `gh_${createHash('sha256').update(appid).digest('hex').slice(0, 12)}`,
    // Our choice: the user's openid, as in messages of which a log is known. The documents say "the platform's push service".
    FromUserName: openid,
    CreateTime: Math.floor(now.getTime() / 1000),
    MsgType: 'event',
    Event: event,
  };
}
