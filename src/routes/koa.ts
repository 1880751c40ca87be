import { Router } from 'express';
import { codeRequest } from '../handlers/requests.ts';
import { refuseAsKoa, wechatLogin } from '../handlers/wechat-login.ts';
import { validate } from '../middleware/validate.ts';
import type { WxuserParts } from './wxuser.ts';

/** What clients of the Koa tutorial call. */
export function koaRoutes(parts: WxuserParts): Router {
  const routes = Router();
  routes.post('/user/wechatlogin', parts.limitLogins, validate(codeRequest), wechatLogin(parts), refuseAsKoa);
  return routes;
}
