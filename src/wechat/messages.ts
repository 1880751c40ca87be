import { z } from 'zod';
import { noneIfEmpty } from './fields.ts';
import { parseJson } from './message-json.ts';
import { parseXml } from './xml.ts';

/** A message or an event as WeChat pushes it, in JSON or in XML. */
export interface Message {
  /** `event`, or what a user wrote: `text`, `image`, … */
  readonly type: string | undefined;
  readonly event: string | undefined;
  readonly appid: string | undefined;
  /** The whole message once more, encrypted: in the safe mode beside nothing, in the compatible mode beside the rest. */
  readonly encrypted: string | undefined;
  /** All that it says, for the schema of its event. */
  readonly fields: object;
}

/** In XML everything is a text; in JSON a number may come as either. */
const text = z.union([z.string(), z.number()]).transform((value) => String(value).trim());
const number = text.pipe(z.coerce.number());
/** As a column holds it. */
const wholeNumber = text.pipe(z.coerce.number()).pipe(z.int32());
const openid = text.pipe(z.string().regex(/^[\w-]{1,64}$/));
const seconds = text.pipe(z.string().regex(/^[1-9]\d{9}$/)).transform(Number);

const headText = text.nullish().transform((value) => value ?? undefined);

/** `appid` is how wxa_media_check spells it. */
const head = z.object({
  MsgType: headText,
  Event: headText,
  AppID: headText,
  appid: headText,
  Encrypt: headText,
});

function optional<T extends z.ZodType>(schema: T) {
  return z.preprocess(noneIfEmpty, schema.optional());
}

/** Reads a message, JSON or XML by its first character; answers `undefined` for a text that is none. */
export function readMessage(source: string): Message | undefined {
  const text = source.trim(); // a byte order mark, too
  const fields = text.startsWith('<') ? parseXml(text) : parseJson(text);
  const said = head.safeParse(fields);
  if (!said.success || typeof fields !== 'object' || fields === null) return undefined;
  const { MsgType, Event, AppID, appid = AppID, Encrypt } = said.data;
  // The table of the events has `Event`, its examples have `event`.
  return { type: MsgType?.toLowerCase(), event: Event, appid, encrypted: Encrypt, fields };
}

/** What WeChat Cloud Run's question for a path says. */
export const PATH_CHECK = 'CheckContainerPath';

/** Whether WeChat Cloud Run asks if there is something at the path of its own message push. */
export function isPathCheck(message: Message | undefined): boolean {
  const [[name, value] = [], ...others] = Object.entries(message?.fields ?? {});
  return name === 'action' && value === PATH_CHECK && others.length === 0;
}

/**
 * What `user_info_modified` and `user_authorization_cancellation` say of a user. A CreateTime that is none counts as missing: the time
 * of the signature is there, and an event that is not done is not sent again.
 * @see https://developers.weixin.qq.com/miniprogram/dev/server/event_push/platform/authorized_user_information_changes.html
 */
export const consentEvent = z.object({ OpenID: openid, CreateTime: seconds.optional().catch(undefined) });

/** What we store of what a user can take back; the other numbers are of things that are not stored here. */
const REVOKED = {
  6: ['nickName', 'avatar', 'gender'], // 昵称和头像: gender came with them, in the same consent
  8: ['phone'], // 手机号
  19: ['nickName'], // 昵称输入键盘中选择的微信昵称
  20: ['avatar'], // 获取用户头像组件中选择的微信头像
} as const;
type Revocable = (typeof REVOKED)[keyof typeof REVOKED][number];

/**
 * `user_authorization_revoke`: whose, and which fields of ours. The examples have one number in RevokeInfo and nothing says
 * that there cannot be more, so every number in it counts: our choice.
 * @see https://developers.weixin.qq.com/miniprogram/dev/server/event_push/platform/authorized_user_information_changes.html
 */
export const revokeEvent = consentEvent
  .extend({ RevokeInfo: text.pipe(z.string().max(200)) })
  .transform((event) => {
    const named = event.RevokeInfo.match(/\d+/g) ?? [];
    const table: Readonly<Record<string, readonly Revocable[]>> = REVOKED;
    return { ...event, fields: [...new Set(named.flatMap((number) => table[number] ?? []))] };
  });

const verdict = { suggest: z.enum(['pass', 'review', 'risky']), label: wholeNumber };
const detail = z.object({
  strategy: optional(text),
  errcode: optional(number),
  suggest: optional(verdict.suggest),
  label: optional(number),
  prob: optional(number),
});

/**
 * `wxa_media_check`: what media_check_async found out, version 2. Without `result` the check itself failed, and `errcode` says
 * why. In XML one detail stands alone.
 * @see https://developers.weixin.qq.com/miniprogram/dev/OpenApiDoc/sec-center/sec-check/mediaCheckAsync.html
 */
export const mediaCheck = z.object({
  trace_id: text.pipe(z.string().min(1).max(128)),
  version: number.pipe(z.literal(2)),
  errcode: z.preprocess(noneIfEmpty, wholeNumber.default(0)),
  result: optional(z.object(verdict)),
  detail: z.preprocess(
    (found) => (found === '' ? [] : [found ?? []].flat()),
    z.array(z.unknown()).max(100).pipe(z.array(detail)), // the number first: each costs as much as the rest of the message
  ),
});
export type MediaCheck = z.output<typeof mediaCheck>;
