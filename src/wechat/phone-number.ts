import { z } from 'zod';
import { isLoginCode } from './codes.ts';
import { checked } from './http.ts';
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
   * @param openid whose code it must be: WeChat refuses another user's
   * @throws {AppError} `phone_code_invalid`, `phone_code_expected` for a code of wx.login, or `wechat_*`
   * @see https://developers.weixin.qq.com/miniprogram/dev/server/API/user-info/phone-number/api_getphonenumber.html
   */
  getUserPhoneNumber(code: string, openid?: string): Promise<PhoneNumber>;
}

const PATH = '/wxa/business/getuserphonenumber';

const text = z.string().min(1).max(32);
const reply = z.object({
  phone_info: z.object({
    phoneNumber: text,
    purePhoneNumber: text,
    // Older replies have a number.
    countryCode: z.union([text, z.number().transform(String)]),
  }),
});

export function createPhoneNumbers(send: SendWithToken): WeChatPhoneNumbers {
  return {
    async getUserPhoneNumber(code, openid) {
      const body = { code, ...(openid !== undefined && { openid }) };
      const answer = await send({ path: PATH, body, private: [code, openid ?? ''] });
      const instead = isLoginCode(code) ? { phone_code_invalid: 'phone_code_expected' as const } : {};
      const { phoneNumber, purePhoneNumber, countryCode } = checked(
        reply,
        accepted(PATH, answer, instead),
      ).phone_info;
      return { phoneNumber, purePhoneNumber, countryCode };
    },
  };
}

/** The international form of a number: `+8613800138000`. @see https://www.itu.int/rec/T-REC-E.164 */
export function toInternational({ purePhoneNumber, countryCode }: Omit<PhoneNumber, 'phoneNumber'>): string {
  return `+${`${countryCode}${purePhoneNumber}`.replace(/\D/g, '')}`;
}
