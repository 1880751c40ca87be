import type { RequestHandler } from 'express';
import type { ParamsDictionary } from 'express-serve-static-core';
import type { z } from 'zod';
import { AppError } from '../errors.ts';
import { toIssues } from '../issues.ts';
import { hasBody } from './plain-body.ts';

/** Checks the body against a schema and replaces it by the result: a handler behind it sees only what was asked for. */
export function validate<Body>(schema: z.ZodType<Body>): RequestHandler<ParamsDictionary, unknown, Body> {
  return (req, _res, next) => {
    if (req.body === undefined && hasBody(req)) throw new AppError('unsupported_media_type');
    const parsed = schema.safeParse(req.body ?? {}, { reportInput: true });
    if (!parsed.success) throw new AppError('invalid_request', { issues: toIssues(parsed.error) });
    req.body = parsed.data;
    next();
  };
}
