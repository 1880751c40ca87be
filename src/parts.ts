import type { AppParts } from './app.ts';
import { sandboxSecret } from './auth/sandbox-secret.ts';
import { createSeal } from './auth/seal.ts';
import { remembering } from './auth/sessions.ts';
import { createTokens } from './auth/tokens.ts';
import type { Config } from './config.ts';
import type { Database } from './db/open.ts';
import { createPing } from './db/ping.ts';
import { createSessions } from './db/sessions.ts';
import { createUsers } from './db/users.ts';
import type { Logger } from './log.ts';
import { limitLogins } from './middleware/rate-limit.ts';
import { requireLogin } from './middleware/require-login.ts';
import { createSandboxWeChat, SANDBOX_SECRET } from './sandbox/wechat.ts';
import { createWeChat } from './wechat/client.ts';

export interface Surroundings {
  readonly log: Logger;
  readonly database: Database;
  /** Where the sandbox answers once the server listens, such as `http://127.0.0.1:8888/sandbox`. */
  readonly sandboxBase: string;
  /** The clock. */
  readonly now?: () => Date;
}

/** The composition root: makes every real part of the server from its settings. */
export function createParts(config: Config, surroundings: Surroundings): AppParts {
  const { log, database, sandboxBase, now = () => new Date() } = surroundings;
  const { appid, timeoutMs, profileStrict } = config.wechat;
  const jwt = { ...config.jwt, secret: config.jwt.secret ?? sandboxSecret(config.databaseUrl) };
  const tokens = createTokens({ ...jwt, appid, now });
  const sessions = remembering(
    createSessions(database, config.sessions.limit, now),
    config.sessions.cacheSeconds,
  );
  return {
    log,
    trustProxy: config.trustProxy,
    appid,
    profileStrict,
    tokens,
    sessions,
    seal: createSeal(jwt),
    now,
    users: createUsers(database, now),
    wechat: createWeChat({
      appid,
      timeoutMs,
      secret: config.wechat.secret ?? SANDBOX_SECRET,
      apiBase: config.sandbox ? sandboxBase : config.wechat.apiBase,
    }),
    limitLogins: limitLogins(config.loginRateLimit),
    requireLogin: requireLogin(tokens, sessions),
    ping: createPing(database),
    ...(config.sandbox && { sandbox: createSandboxWeChat(now) }),
  };
}
