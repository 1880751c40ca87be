import { Router } from 'express';
import { convertFailure } from '../middleware/handle-errors.ts';
import { noStore } from '../middleware/no-store.ts';
import { plainBody } from '../middleware/plain-body.ts';
import { apiRoutes } from './api-routes.ts';
import { cdnRoutes } from './cdn-routes.ts';
import { controlRoutes } from './control-routes.ts';
import { localOnly } from './local-only.ts';
import { phoneRoutes } from './phone-routes.ts';
import type { SandboxWeChat } from './wechat.ts';

/**
 * The local WeChat over HTTP: at WeChat's paths what its server answers, under `/wx` what a phone's `wx` object does, under
 * `/control` what a developer does to it, under `/cdn` the pictures, and `/login-button`, the body that the tutorial's login
 * button sends.
 */
export function sandboxRoutes(sandbox: SandboxWeChat): Router {
  const routes = Router();
  const { publicHost } = sandbox;
  routes.use(noStore, localOnly({ publicHost, otherPorts: false }));
  routes.use(plainBody);
  routes.use(apiRoutes(sandbox));
  routes.use(phoneRoutes(sandbox));
  routes.use(cdnRoutes());
  routes.use('/control', controlRoutes(sandbox));
  routes.use(convertFailure);
  return routes;
}
