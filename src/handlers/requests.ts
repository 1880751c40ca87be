import { z } from 'zod';
import { rule } from '../issues.ts';
import { ANONYMOUS_NAME, avatarAt, gender, nickName } from '../wechat/profile-fields.ts';
import { isAbsent, loginCode, phoneCode } from './sent-code.ts';

const optional = <T extends z.ZodType>(schema: T) =>
  z.preprocess((value) => (isAbsent(value) ? undefined : value), schema.optional());

const text = (max: number) => optional(z.string().max(max));

/** Any object, as it is: its fields are looked at one by one, and only those that we know. */
const anyObject = z.custom<Readonly<Record<string, unknown>>>(isObject);
const rawData = optional(z.union([z.string().max(16_384), anyObject]));

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** `loginCode` beside `phoneCode` is what clients of other backends send. */
function namedCode(body: unknown): unknown {
  const { code, loginCode } = (body ?? {}) as { code?: unknown; loginCode?: unknown };
  return isAbsent(code) && !isAbsent(loginCode) ? { ...(body as object), code: loginCode } : body;
}

const beside = {
  phoneCode: optional(phoneCode),
  encryptedData: text(16_384),
  iv: text(16_384),
  signature: text(256),
  appid: text(64),
  rawData,
  userInfo: rawData,
};

/** `POST /api/wxuser`: what the login button sends. `userInfo` is the tutorial's name for rawData. */
export const loginRequest = z
  .preprocess(namedCode, z.object({ code: loginCode, ...beside }))
  .transform(({ userInfo, rawData = userInfo, ...rest }) => ({ ...rest, rawData }));
/** The same from Cloud Run, which says itself who is calling: a code is not looked at. */
export const cloudLoginRequest = z
  .object(beside)
  .transform(({ userInfo, rawData = userInfo, ...rest }) => ({ ...rest, rawData }));
export type LoginRequest = z.output<typeof cloudLoginRequest> & { readonly code?: string };

/** A form knows texts only. */
const fromForm = (value: unknown) =>
  typeof value === 'string' && /^[0-2]$/.test(value) ? Number(value) : value;

const notAnonymous = rule((name) => name !== ANONYMOUS_NAME, {
  zh: '是微信的匿名昵称，请让用户填写昵称',
  en: "is WeChat's anonymous name: ask the user for his",
});

const NOTHING = {
  zh: '请至少提供 nickName、avatar、gender 之一',
  en: 'send at least one of nickName, avatar and gender',
};

/** `PUT /api/wxuser/me`. A page that sends the whole profile back sends the picture that was uploaded here, too. */
export const profileRequest = (isOurs: (url: string) => boolean) =>
  z
    .object({
      nickName: nickName.check(notAnonymous).exactOptional(),
      avatar: avatarAt(isOurs).exactOptional(),
      gender: z.preprocess(fromForm, gender).exactOptional(),
    })
    .refine((change) => Object.keys(change).length > 0, { params: { text: NOTHING } });
export type ProfileRequest = z.output<ReturnType<typeof profileRequest>>;

/** `POST /user/wechatlogin`, and the same from Cloud Run. */
export const codeRequest = z.object({ code: loginCode, appid: text(64) });
export const cloudCodeRequest = codeRequest.omit({ code: true });
export interface CodeRequest {
  readonly code?: string;
  readonly appid?: string | undefined;
}

/** `POST /api/wxuser/logout`. */
export const logoutRequest = z.object({ all: optional(z.union([z.boolean(), z.stringbool()])) });
export type LogoutRequest = z.output<typeof logoutRequest>;

const NO_PHONE = {
  zh: '请发送手机号按钮（getPhoneNumber）返回的 code，或旧版的 encryptedData 和 iv',
  en: 'send the code that the getPhoneNumber button gave, or the encryptedData and iv of the older one',
};

/** `POST /api/wxuser/me/phone`: of today's button the code, of the older one encryptedData and iv. */
export const phoneRequest = z
  .object({ code: optional(phoneCode), encryptedData: text(16_384), iv: text(16_384) })
  .refine(({ code, encryptedData, iv }) => code || (encryptedData && iv), { params: { text: NO_PHONE } });
export type PhoneRequest = z.output<typeof phoneRequest>;
