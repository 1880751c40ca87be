import { z } from 'zod';
import { Refusal } from '../refusals.ts';
import type { World } from '../world.ts';
import { type Ask, bodyOf, required } from './ask.ts';

const any = z.unknown().optional();
const stableRequest = z.object({ grant_type: any, appid: any, secret: any, force_refresh: any });

/**
 * A new access_token.
 * @see https://developers.weixin.qq.com/miniprogram/dev/OpenApiDoc/mp-access-token/getAccessToken.html
 */
export function token(world: World, { query, ip }: Ask): object {
  return world.accessTokens.fetch(fetcher(world, query, ip));
}

/**
 * The access_token that stays the same while it is good.
 * @see https://developers.weixin.qq.com/miniprogram/dev/OpenApiDoc/mp-access-token/getStableAccessToken.html
 */
export function stableToken(world: World, ask: Ask): object {
  const body = bodyOf(ask, stableRequest);
  const force = body.force_refresh ?? false;
  if (typeof force !== 'boolean') throw new Refusal(47001);
  return world.accessTokens.fetchStable(fetcher(world, body, ask.ip), force);
}

/** The appid of who fetches a token. The order of the checks is our choice. */
function fetcher(world: World, sent: Ask['query'], ip: string): string {
  const [appid, secret] = [required(sent, 'appid', 41002), required(sent, 'secret', 41004)];
  const { ipWhitelist = [] } = world.apps.authenticate(appid, secret);
  if (ipWhitelist.length > 0 && !ipWhitelist.includes(ip))
    throw new Refusal(40164, `invalid ip ${ip} ipv6 ::ffff:${ip}, not in whitelist`);
  if (sent['grant_type'] !== 'client_credential') throw new Refusal(40002);
  return appid;
}
