import type { AccessToken } from './access-tokens.ts';
import { openidOf } from './identities.ts';
import type { World } from './world.ts';

/**
 * The sandbox as the control API and its page show it. Our choice: codes are shown, since they are there to be sent; no session_key and no
 * AppSecret is, and of an access_token only the start, so that a picture of the page can be shared.
 */
export function stateOf(world: World) {
  const { clock, apps, users, loginCodes, phoneCodes, sessionKeys, accessTokens, faults, calls } = world;
  return {
    clock: { now: clock.now(), aheadMs: clock.ahead },
    settings: world.settings,
    apps: apps.list().map(({ appid, secretFrozen = false, ipWhitelist = [], callback }) => {
      const shown = callback && { url: callback.url, mode: callback.mode };
      return { appid, secretFrozen, ipWhitelist, callback: shown ?? null };
    }),
    users: users.list(),
    codes: [
      ...loginCodes.list().map((ticket) => ({ for: 'login', ...ticket })),
      ...phoneCodes.list().map((ticket) => ({ for: 'phone', ...ticket })),
    ],
    sessions: sessionKeys
      .list()
      .map((session) => ({ openid: openidOf(session.appid, session.user), ...session })),
    tokens: accessTokens.list().map(shorten),
    faults: faults.list(),
    calls: { counts: calls.counts(), last: calls.last() },
    pushes: world.pushes.list(),
  };
}

function shorten({ token, expiresAt, ...rest }: AccessToken) {
  return { token: `${token.slice(0, 10)}…`, expiresAt: new Date(expiresAt), ...rest };
}
