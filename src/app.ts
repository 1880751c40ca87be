import express, { type Express } from 'express';
import helmet from 'helmet';
import { pageRoutes } from './demo/page-routes.ts';
import { type DemoParts, demoRoutes } from './demo/routes.ts';
import { handleErrors, notFound } from './middleware/handle-errors.ts';
import { logRequests } from './middleware/log-requests.ts';
import { plainBody } from './middleware/plain-body.ts';
import { avatarRoutes } from './routes/avatars.ts';
import { type CallbackParts, callbackRoutes } from './routes/callback.ts';
import { healthRoutes } from './routes/health.ts';
import { jwksRoutes } from './routes/jwks.ts';
import { koaRoutes } from './routes/koa.ts';
import { type WxuserParts, wxuserRoutes } from './routes/wxuser.ts';
import { sandboxRoutes } from './sandbox/routes.ts';
import type { SandboxWeChat } from './sandbox/wechat.ts';
import type { TrustProxy } from './trust-proxy.ts';

export interface AppParts extends WxuserParts, CallbackParts {
  /** Which proxies are believed, as Express's `trust proxy`. */
  readonly trustProxy: TrustProxy;
  /** Asks the database; fails with `database_unavailable`. */
  readonly ping: () => Promise<void>;
  /** Only where the local WeChat is used. */
  readonly sandbox?: SandboxWeChat;
  /** Only there, too. */
  readonly demo?: DemoParts;
  /** Ends all that the parts have open: connections to WeChat, the sandbox's pushes, the process that decodes pictures. Comes after the last request, before the stores' `close`. */
  close(): Promise<void>;
}

/** The whole server as one Express app: what it does to a request, in order. */
export function createApp(parts: AppParts): Express {
  const app = express();
  app.set('trust proxy', parts.trustProxy);
  app.use(logRequests(parts.log));
  app.use(helmet());
  app.use(parts.front); // also for what no router takes
  if (parts.sandbox) app.use('/sandbox', sandboxRoutes(parts.sandbox));
  if (parts.demo) app.use(pageRoutes());
  if (parts.demo) app.use('/sandbox/demo', demoRoutes(parts.demo));
  app.use(callbackRoutes(parts));
  app.use(wxuserRoutes(parts));
  app.use(koaRoutes(parts));
  app.use(plainBody); // those above see to it themselves, so that their refusals are audited
  app.use(healthRoutes(parts));
  app.use(jwksRoutes(parts));
  app.use(avatarRoutes(parts));
  app.use(notFound);
  app.use(handleErrors);
  return app;
}
