import type { Request, RequestHandler } from 'express';
import type { ParamsDictionary } from 'express-serve-static-core';
import type { z } from 'zod';
import { AppError } from '../errors.ts';
import { toIssues } from '../issues.ts';
import { hasBody } from './plain-body.ts';
import { readBody } from './read-body.ts';
import { wrongType } from './unreadable.ts';

/** Reads the body, checks it against a schema and replaces it by the result: a handler behind it sees only what was asked for. */
export function validate<Body>(schema: z.ZodType<Body>): RequestHandler<ParamsDictionary, unknown, Body> {
  return async (req, res, next) => {
    await readBody(req as Request, res);
    if (!isParsed(req as Request)) throw unparsed(req as Request);
    const parsed = schema.safeParse(req.body ?? {}, { reportInput: true });
    if (!parsed.success) throw new AppError('invalid_request', { issues: toIssues(parsed.error) });
    req.body = parsed.data;
    next();
  };
}

const SEND_JSON = {
  zh: '这里接收 JSON（wx.request 的默认类型 application/json）',
  en: 'this route takes JSON, which wx.request sends as application/json',
};
const TAKEN = 'a parser of the app has read the body and left no object: mount our routes before it';

/** Whether the body is what JSON or a form makes, or there is none. */
function isParsed(req: Request): boolean {
  if (req.body === undefined) return !hasBody(req);
  return typeof req.body !== 'string' && !Buffer.isBuffer(req.body);
}

function unparsed(req: Request): AppError {
  return req.readableDidRead
    ? new AppError('unsupported_media_type', { reason: TAKEN })
    : wrongType(req, SEND_JSON);
}
