import { Router } from 'express';
import type { Avatars } from '../avatars/avatars.ts';
import { getAvatar } from '../handlers/get-avatar.ts';
import { convertFailure } from '../middleware/handle-errors.ts';
import type { FrontParts } from './front.ts';

/** The pictures that users uploaded, where they are on our disk. */
export function avatarRoutes(parts: { readonly avatars: Avatars } & FrontParts): Router {
  const routes = Router();
  if (!parts.avatars.servedHere) return routes;
  routes.use('/avatars', parts.front);
  routes.get('/avatars/:name', getAvatar(parts));
  routes.use(convertFailure);
  return routes;
}
