import type { RequestHandler } from 'express';
import type { Tokens } from '../auth/tokens.ts';
import { sendJson } from '../json.ts';

/** The key set in the form that every JWT library reads (RFC 7517): so it is no `{status, messages}`. */
export function jwks({ publicKeys }: Pick<Tokens, 'publicKeys'>): RequestHandler {
  return (_req, res) => {
    sendJson(res.set('Cache-Control', 'public, max-age=300'), { keys: publicKeys });
  };
}
