import { Router } from 'express';
import type { Tokens } from '../auth/tokens.ts';
import { jwks } from '../handlers/jwks.ts';

/** For other services that verify our tokens: the public keys, where there are any. */
export function jwksRoutes({ tokens }: { readonly tokens: Pick<Tokens, 'publicKeys'> }): Router {
  const routes = Router();
  if (tokens.publicKeys.length > 0) routes.get('/.well-known/jwks.json', jwks(tokens));
  return routes;
}
