import { openidOf, unionidOf } from '../identities.ts';
import { Refusal } from '../refusals.ts';
import type { World } from '../world.ts';
import { type Ask, required } from './ask.ts';

/** What DevTools gives as code where nobody is logged in to it. */
export const MOCK_CODE = 'the code is a mock one';
/** Our choice: whom that code stands for, as often as it is sent. The real WeChat refuses it. */
export const TOURIST = 'DevTools tourist';

/**
 * Who a wx.login code stands for. Our choices: grant_type is not looked at, every user has a unionid, as in an app bound to an Open
 * Platform account, a code of another app is invalid, and one of a blocked user is spent.
 * @see https://developers.weixin.qq.com/miniprogram/dev/OpenApiDoc/user-login/code2Session.html
 */
export function code2Session(world: World, { query }: Ask): object {
  const [appid, secret] = [required(query, 'appid', 41002), required(query, 'secret', 41004)];
  const code = required(query, 'js_code', 41008);
  world.apps.authenticate(appid, secret);
  const user = code === MOCK_CODE ? TOURIST : redeem(world, code, appid);
  if (world.users.get(user).blocked) throw new Refusal(40226);
  world.users.visit(appid, user);
  return {
    session_key: world.sessionKeys.of(appid, user),
    openid: openidOf(appid, user),
    unionid: unionidOf(user),
  };
}

function redeem(world: World, code: string, appid: string): string {
  const redeemed = world.loginCodes.redeem(code, appid);
  if (redeemed === 'used') throw new Refusal(40163);
  if (typeof redeemed === 'string') throw new Refusal(40029);
  return redeemed.user;
}
