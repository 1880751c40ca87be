import { z } from 'zod';
import { openidOf } from '../identities.ts';
import { phoneInfo, watermark } from '../phone.ts';
import { hint, Refusal } from '../refusals.ts';
import type { World } from '../world.ts';
import { type Ask, appOf, bodyOf } from './ask.ts';

const request = z.object({ code: z.string().min(1), openid: z.string().optional() });
const checkRequest = z.object({ encrypted_msg_hash: z.string() });

/**
 * The phone number that a getPhoneNumber code stands for.
 * @see https://developers.weixin.qq.com/miniprogram/dev/OpenApiDoc/user-info/phone-number/getPhoneNumber.html
 */
export function getUserPhoneNumber(world: World, ask: Ask): object {
  const app = appOf(world, ask);
  const { code, openid } = bodyOf(ask, request);
  const redeemed = world.phoneCodes.redeem(code, app.appid);
  if (redeemed === 'of another app') throw new Refusal(40013);
  if (typeof redeemed === 'string') throw new Refusal(40029, `invalid code ${hint()}`);
  // Our choice: the code is spent. The facts do not say which errcode a foreign openid gets.
  if (openid !== undefined && openid !== openidOf(app.appid, redeemed.user)) throw new Refusal(40003);
  const info = { ...phoneInfo(world, redeemed.user), watermark: watermark(world, app) };
  return { errcode: 0, errmsg: 'ok', phone_info: info };
}

/**
 * Whether WeChat made the encryptedData that has this hash. Our choice: `vaild` (sic) is never false, what is not known is errcode 1.
 * @see https://developers.weixin.qq.com/miniprogram/dev/OpenApiDoc/user-info/basic-info/checkEncryptedData.html
 */
export function checkEncryptedData(world: World, ask: Ask): object {
  const app = appOf(world, ask);
  const { encrypted_msg_hash: hash } = bodyOf(ask, checkRequest);
  if (!/^[0-9a-f]{64}$/.test(hash)) throw new Refusal(40097);
  const madeAt = world.phoneData.madeAt(app.appid, hash);
  if (!madeAt) throw new Refusal(1);
  return { errcode: 0, errmsg: 'ok', vaild: true, create_time: Math.floor(madeAt.getTime() / 1000) };
}
