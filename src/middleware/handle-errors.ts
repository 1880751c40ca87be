import type { ErrorRequestHandler, RequestHandler } from 'express';
import { AppError, catalogue, type ErrorCode } from '../errors.ts';
import { textFor } from '../language.ts';
import { closeUnread } from './close-unread.ts';
import { unparsable } from './read-body.ts';

/** Answers what no route took. */
export const notFound: RequestHandler = () => {
  throw new AppError('not_found');
};

/** The one exit of every failure: `{status, code, messages, retry, requestId}`. The cause goes to the log only. */
export const handleErrors: ErrorRequestHandler = (error, req, res, next) => {
  const known = toAppError(error);
  res.locals.failure = known.code === 'internal_error' ? error : known; // with its trace, for the log
  if (res.headersSent) return next(error);

  // Whoever sends too slowly has had their time.
  closeUnread(req, res, known.code === 'request_too_slow' ? 0 : undefined);
  const { status, retry, ...text } = catalogue[known.code];
  res.status(status);
  if (res.destroyed) {
    res.locals.logLate?.(res.locals.failure);
    return res.end(); // the client has left, but the audit waits for an answer
  }
  res.set(known.headers);
  return res.json({
    status,
    code: known.code,
    messages: textFor(req, text),
    retry,
    requestId: req.id,
    ...(known.issues && {
      issues: known.issues.map(({ path, message }) => ({ path, message: textFor(req, message) })),
    }),
  });
};

/** What body-parser and the router call their refusals, as ours. */
const REFUSALS: Readonly<Record<string, ErrorCode>> = {
  'entity.too.large': 'payload_too_large',
  'parameters.too.many': 'payload_too_large',
  'charset.unsupported': 'unsupported_media_type',
  'encoding.unsupported': 'unsupported_media_type',
};

/** A failure as one of the catalogue. */
export function toAppError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  const { type, status, expose } = (error ?? {}) as Record<string, unknown>;
  const code = REFUSALS[String(type)];
  if (code) return new AppError(code);
  // Malformed JSON, a cut body, a path with broken escapes, what a host's parser could not inflate: http-errors marks
  // with `expose` what is the client's mistake.
  const parsing = expose === true || typeof type === 'string' || error instanceof URIError;
  if (parsing && typeof status === 'number' && status >= 400 && status < 500) return unparsable();
  return new AppError('internal_error');
}
