import { Router } from 'express';
import { type CodeRequest, cloudCodeRequest, codeRequest } from '../handlers/requests.ts';
import { refuseAsKoa, wechatLogin } from '../handlers/wechat-login.ts';
import { validateLogin } from '../middleware/cloud-identity.ts';
import { convertFailure } from '../middleware/handle-errors.ts';
import { changes } from './front.ts';
import type { WxuserParts } from './wxuser.ts';

/** What clients of the Koa tutorial call. */
export function koaRoutes(parts: WxuserParts): Router {
  const routes = Router();
  routes.use('/user/wechatlogin', parts.front);
  const { limitLogins, cloudIdentity } = parts;
  const change = changes(parts);
  const validLogin = validateLogin<CodeRequest>(codeRequest, cloudCodeRequest);
  const guards = [...change('login'), limitLogins, cloudIdentity, validLogin];
  routes.post('/user/wechatlogin', guards, wechatLogin(parts), refuseAsKoa);
  routes.use(convertFailure);
  return routes;
}
