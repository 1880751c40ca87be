import { signSession } from '../open-data.ts';
import { Refusal } from '../refusals.ts';
import type { World } from '../world.ts';
import { type Ask, appOf, required, userOf } from './ask.ts';

/**
 * Whether a session_key is the valid one.
 * @see https://developers.weixin.qq.com/miniprogram/dev/OpenApiDoc/user-login/checkSessionKey.html
 */
export function checkSession(world: World, ask: Ask): object {
  holder(world, ask);
  return { errcode: 0, errmsg: 'ok' };
}

/**
 * A new session_key for who proves that he has the old one.
 * @see https://developers.weixin.qq.com/miniprogram/dev/OpenApiDoc/user-login/ResetUserSessionKey.html
 */
export function resetUserSessionKey(world: World, ask: Ask): object {
  const { appid, user, openid } = holder(world, ask);
  world.sessionKeys.end(appid, user);
  return { errcode: 0, errmsg: 'ok', openid, session_key: world.sessionKeys.of(appid, user) };
}

/** The user whose key signed the request. Our choices: the order of the checks, and 87007 for both endpoints. */
function holder(world: World, ask: Ask) {
  const { appid } = appOf(world, ask);
  const openid = required(ask.query, 'openid', 40003);
  const user = userOf(world, appid, openid);
  if (ask.query['sig_method'] !== 'hmac_sha256') throw new Refusal(87008);
  const key = world.sessionKeys.find(appid, user);
  if (key === undefined) throw new Refusal(87007);
  if (ask.query['signature'] !== signSession(key)) throw new Refusal(87009);
  return { appid, user, openid };
}
