import { Router } from 'express';
import type { Tokens } from '../auth/tokens.ts';
import { jwks } from '../handlers/jwks.ts';
import { convertFailure } from '../middleware/handle-errors.ts';
import type { FrontParts } from './front.ts';

const PATH = '/.well-known/jwks.json';

/** For other services that verify our tokens: the public keys, where there are any. */
export function jwksRoutes({
  tokens,
  front,
}: { readonly tokens: Pick<Tokens, 'publicKeys'> } & FrontParts): Router {
  const routes = Router();
  if (tokens.publicKeys.length === 0) return routes;
  routes.use(PATH, front);
  routes.get(PATH, jwks(tokens));
  routes.use(convertFailure);
  return routes;
}
