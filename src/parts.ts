import type { AppParts } from './app.ts';
import { sandboxSecret } from './auth/sandbox-secret.ts';
import { createSeal } from './auth/seal.ts';
import { createTokens } from './auth/tokens.ts';
import { createAvatars } from './avatars/avatars.ts';
import { createDecoder } from './avatars/decoder.ts';
import { createPictureMaker } from './avatars/picture.ts';
import { createReceiver } from './avatars/receive.ts';
import type { Config } from './config.ts';
import { checkingContent, UNCHECKED } from './content/check.ts';
import { createAdministration } from './db/administration.ts';
import { createDeliveries } from './db/deliveries.ts';
import { createPictureChecks } from './db/picture-checks.ts';
import { createPing } from './db/ping.ts';
import { createUsers } from './db/users.ts';
import type { Logger } from './log.ts';
import { createAudit } from './middleware/audit.ts';
import { closingUnread } from './middleware/close-unread.ts';
import { cloudIdentity } from './middleware/cloud-identity.ts';
import { noStore } from './middleware/no-store.ts';
import { warnOfHiddenClients } from './middleware/proxies.ts';
import { limitLogins, limitPhoneData } from './middleware/rate-limit.ts';
import { requireLogin } from './middleware/require-login.ts';
import { createRedisToken } from './redis/access-token.ts';
import { localOnly } from './sandbox/local-only.ts';
import { createSandboxWeChat, SANDBOX_SECRET } from './sandbox/wechat.ts';
import { type Stores, sessionsOf } from './stores.ts';
import { compileTrustProxy } from './trust-proxy.ts';
import { createWeChat } from './wechat/client.ts';

export interface Surroundings {
  readonly log: Logger;
  readonly stores: Stores;
  /** Where the sandbox answers once the server listens, such as `http://127.0.0.1:8888/sandbox`. */
  readonly sandboxBase: string;
  /** The clock. */
  readonly now?: () => Date;
}

/** The composition root: makes every real part of the server from its settings. */
export function createParts(config: Config, surroundings: Surroundings): AppParts {
  const { log, stores, sandboxBase, now = () => new Date() } = surroundings;
  const { database, redis } = stores;
  for (const warning of config.warnings) log.warn(warning);
  const { timeoutMs, tokenMode: mode, profileStrict, contentCheck: isChecked } = config.wechat;
  const jwt = { ...config.jwt, secret: config.jwt.secret ?? sandboxSecret(config.databaseUrl) };
  const appids = mapAll(config.apps, ({ appid }) => appid);
  const tokens = createTokens({ ...jwt, appids, now });
  const apiBase = config.sandbox ? sandboxBase : config.wechat.apiBase;
  const proxy = config.sandbox ? undefined : config.proxyFor(apiBase);
  const ping = createPing(database);
  const sessions = sessionsOf(stores, config, now);
  const seal = createSeal(jwt);
  const apps = mapAll(config.apps, ({ appid, secret = SANDBOX_SECRET }) => ({
    appid,
    wechat: createWeChat({
      ...{ appid, secret, apiBase, timeoutMs, tokenMode: mode, now, proxy },
      sharedToken: redis && createRedisToken({ redis, seal, appid, mode, timeoutMs, now }),
      notRenewed: (reason) => log.warn({ appid, reason }, 'access_token not renewed'),
    }),
  }));
  const users = createUsers(database, now);
  const avatars = createAvatars(config.avatars.store, {
    publicUrl: config.publicUrl ?? (config.sandbox ? sandboxBase.replace(/\/sandbox$/, '') : undefined),
    warn: (problem) => log.warn({ problem }, 'the folder of pictures'),
    leftBehind: (failure) => log.warn({ failure: String(failure) }, 'a picture was left behind'),
  });
  const decoder = createDecoder();
  const checks = createPictureChecks(database, now);
  const contentCheck = isChecked ? checkingContent({ apps, users, avatars, checks, log }) : UNCHECKED;
  const sandbox = config.sandbox ? createSandboxWeChat(now, { publicUrl: config.publicUrl }) : undefined;
  /** When that was signed which expired a minute ago. */
  const whenExpired = () => new Date(now().getTime() - (jwt.lifetimeSeconds + 60) * 1000);
  return {
    log,
    front: [
      closingUnread,
      noStore,
      warnOfHiddenClients(log),
      ...(sandbox ? [localOnly({ publicHost: sandbox.publicHost, otherPorts: true })] : []),
    ],
    trustProxy: compileTrustProxy(config.trustProxy),
    apps,
    appids,
    profileStrict,
    provenOnly: isChecked,
    phoneCheckOpenid: config.wechat.phoneCheckOpenid,
    tokens,
    sessions,
    seal,
    now,
    callback: config.callback,
    deliveries: createDeliveries(database, now),
    users,
    avatars,
    contentCheck,
    mediaChecked: contentCheck.mediaChecked,
    receiveFile: createReceiver(config.avatars.maxBytes),
    makePicture: createPictureMaker(decoder),
    audited: createAudit(log),
    limitLogins: limitLogins(config.loginRateLimit),
    limitPhoneData: limitPhoneData(),
    cloudIdentity: cloudIdentity(config.wechat.trustedCloudHeaders, appids),
    requireLogin: requireLogin(tokens, sessions),
    ping: async () => void (await Promise.all([ping(), redis?.ping()])),
    async close() {
      for (const { wechat } of apps) wechat.close();
      sandbox?.close();
      await decoder.close();
    },
    ...(sandbox && {
      sandbox,
      demo: {
        users,
        sessions,
        administration: createAdministration(database, now),
        expiredTokens: createTokens({ ...jwt, appids, now: whenExpired }),
      },
    }),
  };
}

/** Array's map loses that there is a first. */
function mapAll<A, B>([first, ...others]: readonly [A, ...A[]], make: (item: A) => B): readonly [B, ...B[]] {
  return [make(first), ...others.map(make)];
}
