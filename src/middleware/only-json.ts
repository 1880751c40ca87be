import type { RequestHandler } from 'express';
import { AppError } from '../errors.ts';
import { hasBody } from './plain-body.ts';

/** A page of another origin can send a form to this machine, but no JSON, no PUT and no DELETE. */
export const onlyJson: RequestHandler = (req, _res, next) => {
  if ((req.method === 'POST' || hasBody(req)) && !req.is('json'))
    throw new AppError('unsupported_media_type');
  next();
};
