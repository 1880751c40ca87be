import { randomUUID } from 'node:crypto';
import type { Request, RequestHandler, Response } from 'express';
import { AppError } from '../errors.ts';
import { type Logger, scrub } from '../log.ts';

declare global {
  namespace Express {
    interface Request {
      /** Names this request in the log, in `X-Request-Id` and in the reply of a failure. */
      id: string;
    }
    interface Locals {
      /** What went wrong; set where the failure is answered. */
      failure?: unknown;
      /** Asked again and again by a page that is open: see polled. */
      isPolled?: true;
      /** Logs a failure that came when the client had left. */
      logLate?: (failure: unknown) => void;
    }
  }
}

const MAX_PATH = 200;
const MAX_REASON = 1000;
const MAX_TRACE = 8000;

/** One line per request: id, method, path (without the query), status, ms, and what went wrong. Never what was sent. */
export function logRequests(log: Logger): RequestHandler {
  return (req, res, next) => {
    const started = performance.now();
    req.id = randomUUID();
    res.set('X-Request-Id', req.id);
    res.once('close', () => {
      const ms = Math.round((performance.now() - started) * 10) / 10;
      log[levelOf(res)]({ ...describe(req, res), ms }, 'request');
    });
    res.locals.logLate = (failure) =>
      log.warn({ id: req.id, ...describeFailure(failure) }, 'failed after the client left');
    next();
  };
}

/** For routes that an open page asks every other second: their successes are logged at debug, lest they bury the others. */
export const polled: RequestHandler = (_req, res, next) => {
  res.locals.isPolled = true;
  next();
};

function levelOf(res: Response): 'debug' | 'info' | 'warn' | 'error' {
  if (res.statusCode < 400 && res.locals.isPolled) return 'debug';
  if (res.statusCode < 500) return 'info';
  return res.statusCode === 503 ? 'warn' : 'error';
}

function describe(req: Request, res: Response): object {
  return {
    id: req.id,
    method: req.method,
    path: scrub(req.originalUrl.split('?', 1)[0] ?? '', MAX_PATH),
    // 499, as nginx says it: the client left before there was an answer.
    status: res.headersSent ? res.statusCode : 499,
    ...(!res.writableFinished && { aborted: true }),
    ...(req.bearer && { user: req.bearer.id }),
    ...describeFailure(res.locals.failure),
  };
}

function describeFailure(failure: unknown): object {
  if (failure === undefined) return {};
  if (failure instanceof AppError && failure.cause === undefined) {
    return {
      code: failure.code,
      ...(failure.reason !== undefined && { reason: scrub(failure.reason, MAX_REASON) }),
      ...(failure.issues && { fields: failure.issues.map((issue) => issue.path) }),
    };
  }
  const { cause } = failure instanceof AppError ? failure : { cause: failure };
  const trace = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
  return { code: 'internal_error', reason: scrub(trace, MAX_TRACE) };
}
