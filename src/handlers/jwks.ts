import type { RequestHandler } from 'express';
import type { Tokens } from '../auth/tokens.ts';

/** The key set in the form that every JWT library reads (RFC 7517): so it is no `{status, messages}`. */
export function jwks({ publicKeys }: Pick<Tokens, 'publicKeys'>): RequestHandler {
  return (_req, res) => {
    res.set('Cache-Control', 'public, max-age=300').json({ keys: publicKeys });
  };
}
