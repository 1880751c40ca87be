import { z } from 'zod';
import { decrypt, type Sealed } from './crypto.ts';
import { agrees, countryCode, isDialable, nationalNumber } from './phone-fields.ts';
import { gender } from './profile-fields.ts';

/*
 * AES-CBC has no MAC. Whoever has ciphertexts of his own under his session_key can cut and splice their blocks, which makes
 * 16 bytes of garbage at each seam, and through the iv he writes the first 16 bytes as he likes. So what decrypts proves
 * nothing by itself, and an exact grammar reads it: it has no place for garbage, and none where 16 chosen bytes make
 * another value.
 */

/** Whose data it must be, and when. */
export interface Context {
  readonly sessionKey: string;
  readonly appid: string;
  readonly now: Date;
}

/** The data, or why it does not count: for the log, since it would help a forger. */
export type Opened<Data> =
  | { readonly data: Data; readonly problem?: never }
  | { readonly data?: never; readonly problem: string };

/** Pages send what they got at once; an hour covers a phone that was offline meanwhile. */
const MAX_AGE_SECONDS = 60 * 60;
/** How far our clock may be behind WeChat's. */
const MAX_AHEAD_SECONDS = 10 * 60;

const watermark = z.strictObject({ timestamp: z.int(), appid: z.string() });
type Watermarked = { readonly watermark: z.output<typeof watermark> };

const text = z.string();

/** A changed value would need two fields that agree: a key and its value fill the 16 bytes that the iv writes, so one stays. */
const phone = z
  .strictObject({ phoneNumber: text, purePhoneNumber: nationalNumber, countryCode, watermark })
  .refine((data) => isDialable(data) && agrees(data.phoneNumber, data));

/** Of wx.getUserProfile; wx.getUserInfo adds openId and unionId. WeChat no longer tells gender and place. */
const profile = z.strictObject({
  openId: text.exactOptional(),
  nickName: text,
  gender: gender.exactOptional(),
  language: text.exactOptional(),
  city: text.exactOptional(),
  province: text.exactOptional(),
  country: text.exactOptional(),
  avatarUrl: text,
  is_demote: z.boolean().exactOptional(),
  unionId: text.exactOptional(),
  watermark,
});

/** Reads the data of the older getPhoneNumber button. Only `checkEncryptedData` proves that WeChat made it. */
export const openPhone = opener(phone, 'a phone number');

/** Reads the data of wx.getUserProfile and wx.getUserInfo. It proves no more than `rawData` without a signature. */
export const openProfile = opener(profile, 'a profile');

function opener<Data extends Watermarked>(schema: z.ZodType<Data>, what: string) {
  const refused = { problem: `encryptedData does not decrypt to ${what} with our watermark` };
  return (sealed: Sealed, { sessionKey, appid, now }: Context): Opened<Data> => {
    const json = decrypt(sealed, sessionKey);
    const read = schema.safeParse(json === undefined ? undefined : parseExactly(json));
    if (!read.success || read.data.watermark.appid !== appid) return refused;
    const age = Math.floor(now.getTime() / 1000) - read.data.watermark.timestamp;
    return age <= MAX_AGE_SECONDS && age >= -MAX_AHEAD_SECONDS
      ? { data: read.data }
      : { problem: untimely(age) };
  };
}

function untimely(age: number): string {
  const how = age > 0 ? `${age} s old (at most ${MAX_AGE_SECONDS})` : `${-age} s ahead of our clock`;
  return `encryptedData is ${how} by its watermark: if that was a tap just now, set this server's clock right`;
}

const STRING_OR_SPACE = /"(?:[^"\\]|\\.)*"?|[\t\n\r ]+/g;

/**
 * The value of a JSON text that says nothing else: no key twice, no number in another spelling. Spaces and escapes are free, since
 * WeChat writes `\/` in places.
 */
function parseExactly(json: string): unknown {
  try {
    const value: unknown = JSON.parse(json);
    const plain = json.replace(STRING_OR_SPACE, (part) =>
      part.startsWith('"') ? JSON.stringify(JSON.parse(part)) : '',
    );
    return plain === JSON.stringify(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
