import { z } from 'zod';
import { openidOf } from '../identities.ts';
import { phoneInfo, watermark } from '../phone.ts';
import { hint, Refusal } from '../refusals.ts';
import type { World } from '../world.ts';
import { type Ask, appOf, bodyOf } from './ask.ts';

const request = z.object({ code: z.string().min(1), openid: z.string().optional() });

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
