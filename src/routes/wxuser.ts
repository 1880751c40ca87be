import { type RequestHandler, Router } from 'express';
import { deleteMe } from '../handlers/delete-me.ts';
import { exportMe } from '../handlers/export-me.ts';
import { getMe } from '../handlers/get-me.ts';
import type { LoginNeeds } from '../handlers/log-in.ts';
import { login } from '../handlers/login.ts';
import { postPhone } from '../handlers/post-phone.ts';
import { type AvatarNeeds, putAvatar } from '../handlers/put-avatar.ts';
import { putMe } from '../handlers/put-me.ts';
import {
  cloudLoginRequest,
  type LoginRequest,
  loginRequest,
  logoutRequest,
  phoneRequest,
  profileRequest,
} from '../handlers/requests.ts';
import { endSession, listSessions, logout } from '../handlers/sessions.ts';
import type { Audited } from '../middleware/audit.ts';
import { validateLogin } from '../middleware/cloud-identity.ts';
import { convertFailure } from '../middleware/handle-errors.ts';
import { validate } from '../middleware/validate.ts';
import { changes, type FrontParts } from './front.ts';

export interface WxuserParts extends LoginNeeds, AvatarNeeds, FrontParts {
  readonly audited: Audited;
  readonly limitLogins: RequestHandler;
  readonly limitPhoneData: RequestHandler;
  readonly cloudIdentity: RequestHandler;
  readonly requireLogin: RequestHandler;
}

/** Logging in, and the user's own row. */
export function wxuserRoutes(parts: WxuserParts): Router {
  const { limitLogins, limitPhoneData, cloudIdentity, requireLogin } = parts;
  const change = changes(parts);
  const validLogin = validateLogin<LoginRequest>(loginRequest, cloudLoginRequest);
  const profile = profileRequest(parts.avatars.isOurs);
  const routes = Router();
  routes.use('/api/wxuser', parts.front);
  routes.post('/api/wxuser', change('login'), limitLogins, cloudIdentity, validLogin, login(parts));
  routes.get('/api/wxuser/me', requireLogin, getMe(parts));
  routes.put('/api/wxuser/me', change('profile'), requireLogin, validate(profile), putMe(parts));
  routes.delete('/api/wxuser/me', change('erasure'), requireLogin, deleteMe(parts));
  const phone = [...change('phone'), requireLogin, validate(phoneRequest), limitPhoneData];
  routes.post('/api/wxuser/me/phone', phone, postPhone(parts));
  routes.post('/api/wxuser/me/avatar', change('avatar'), requireLogin, putAvatar(parts));
  routes.get('/api/wxuser/me/export', requireLogin, exportMe(parts));
  routes.get('/api/wxuser/sessions', requireLogin, listSessions(parts));
  routes.delete('/api/wxuser/sessions/:id', change('session_end'), requireLogin, endSession(parts));
  routes.post('/api/wxuser/logout', change('logout'), requireLogin, validate(logoutRequest), logout(parts));
  routes.use(convertFailure);
  return routes;
}
