import { createHash } from 'node:crypto';
import { z } from 'zod';
import { isLoginCode } from './codes.ts';
import { noneIfEmpty, number } from './fields.ts';
import { checked } from './http.ts';
import { countryCode, isDialable, nationalNumber, toInternational } from './phone-fields.ts';
import { accepted } from './refusals.ts';
import type { SendWithToken } from './with-token.ts';

/** A phone number that WeChat has verified. */
export interface PhoneNumber {
  /** With the country code in front, where it is a foreign one. */
  readonly phoneNumber: string;
  readonly purePhoneNumber: string;
  /** Such as `86`. */
  readonly countryCode: string;
}

/** What the getPhoneNumber button leads to. */
export interface WeChatPhoneNumbers {
  /**
   * Exchanges the code of a getPhoneNumber button for the user's number.
   * @param openid whose code it must be: WeChat then refuses another user's
   * @throws {AppError} `phone_code_invalid`, `phone_code_expected` for a code of wx.login, or `wechat_*`
   * @see https://developers.weixin.qq.com/miniprogram/dev/server/API/user-info/phone-number/api_getphonenumber.html
   */
  getUserPhoneNumber(code: string, openid?: string): Promise<PhoneNumber>;
  /**
   * Asks whether WeChat made this encryptedData of the older getPhoneNumber button, which it knows for three days.
   * @returns when it was made; undefined where WeChat does not know it. The iv is not part of the question
   * @see https://developers.weixin.qq.com/miniprogram/dev/server/API/user-info/basic-info/api_checkencrypteddata.html
   */
  checkEncryptedData(encryptedData: string): Promise<Date | undefined>;
}

const NUMBER = '/wxa/business/getuserphonenumber';
const CHECK = '/wxa/business/checkencryptedmsg';

/** `data not exit` (sic). */
const UNKNOWN_DATA = 1;

const found = z.object({
  phone_info: z
    .object({
      phoneNumber: z.preprocess(noneIfEmpty, z.string().max(32).optional()),
      purePhoneNumber: nationalNumber,
      countryCode,
    })
    .refine(isDialable)
    .transform((info) => ({ ...info, phoneNumber: info.phoneNumber ?? toInternational(info) })),
});
/** WeChat spells it `vaild`. */
const checkedData = z.discriminatedUnion('vaild', [
  z.object({ vaild: z.literal(true), create_time: number.pipe(z.int()) }),
  z.object({ vaild: z.literal(false) }),
]);

export function createPhoneNumbers(send: SendWithToken): WeChatPhoneNumbers {
  return {
    async getUserPhoneNumber(code, openid) {
      const body = { code, ...(openid !== undefined && { openid }) };
      const answer = await send({ path: NUMBER, body, private: [code, openid ?? ''] });
      const instead = isLoginCode(code) ? { phone_code_invalid: 'phone_code_expected' as const } : {};
      return checked(found, accepted(NUMBER, answer, instead)).phone_info;
    },
    async checkEncryptedData(encryptedData) {
      const hash = createHash('sha256').update(encryptedData).digest('hex');
      const body = { encrypted_msg_hash: hash };
      const answer = await send({ path: CHECK, body, private: [hash] });
      if (answer.errcode === UNKNOWN_DATA) return undefined;
      const data = checked(checkedData, accepted(CHECK, answer));
      return data.vaild ? new Date(data.create_time * 1000) : undefined;
    },
  };
}
