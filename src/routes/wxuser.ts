import { type RequestHandler, Router } from 'express';
import type { Tokens } from '../auth/tokens.ts';
import type { Users } from '../db/users.ts';
import { getMe } from '../handlers/get-me.ts';
import { login } from '../handlers/login.ts';
import { putMe } from '../handlers/put-me.ts';
import { loginRequest, profileRequest } from '../handlers/requests.ts';
import { validate } from '../middleware/validate.ts';
import type { WeChat } from '../wechat/client.ts';

export interface WxuserParts {
  readonly wechat: WeChat;
  readonly users: Users;
  readonly tokens: Tokens;
  readonly appid: string;
  readonly profileStrict: boolean;
  readonly limitLogins: RequestHandler;
  readonly requireLogin: RequestHandler;
}

/** Logging in, and the user's own row. */
export function wxuserRoutes(parts: WxuserParts): Router {
  const { limitLogins, requireLogin } = parts;
  const routes = Router();
  routes.post('/api/wxuser', limitLogins, validate(loginRequest), login(parts));
  routes.get('/api/wxuser/me', requireLogin, getMe(parts));
  routes.put('/api/wxuser/me', requireLogin, validate(profileRequest), putMe(parts));
  return routes;
}
