import type { ErrorRequestHandler, RequestHandler } from 'express';
import { AppError, catalogue, type ErrorCode } from '../errors.ts';
import { sendJson } from '../json.ts';
import { textFor } from '../language.ts';
import { closeUnread } from './close-unread.ts';
import { unparsable } from './read-body.ts';
import { notJson } from './unreadable.ts';

/** Answers what no route took. */
export const notFound: RequestHandler = () => {
  throw new AppError('not_found');
};

/**
 * The one exit of every failure: `{status, code, messages, retry, requestId}`. The cause goes to the log only. A refusal of the app
 * around us (an error of its own with a 4xx status) goes on to that app's error handling.
 */
export const handleErrors: ErrorRequestHandler = (error, req, res, next) => {
  if (isRefusalOfHost(error)) return next(error);
  const known = toAppError(error);
  res.locals.failure = known;
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
  return sendJson(res, {
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

/** The end of every router, and of the guard: a failure leaves it as an AppError, so that Express answers its status and no trace without handleErrors. */
export const convertFailure: ErrorRequestHandler = (error, _req, res, next) => {
  const known = toAppError(error);
  res.locals.failure ??= known; // for the audit line and the log, where a host answers errors itself
  next(known);
};

/** A failure as one of the catalogue. What is unforeseen is its cause, for the log. */
export function toAppError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  const code = refusalOfParser(error);
  const { type, body } = (error ?? {}) as Record<string, unknown>;
  if (type === 'entity.parse.failed' && typeof body === 'string') return unparsable(notJson(body));
  if (type === 'charset.unsupported')
    return new AppError('unsupported_media_type', { reason: REFUSED_BY_HOST });
  if (code === 'invalid_request') return unparsable();
  return code ? new AppError(code) : new AppError('internal_error', { cause: error });
}

const REFUSED_BY_HOST =
  'a body parser of the app around us does not know the charset: mount our routes before it, which take utf8 for UTF-8';

/** What body-parser, raw-body and qs call their refusals, as ours. */
const REFUSALS: ReadonlyMap<unknown, ErrorCode> = new Map([
  ['charset.unsupported', 'unsupported_media_type'],
  ['encoding.unsupported', 'unsupported_media_type'],
  ['entity.parse.failed', 'invalid_request'],
  ['entity.too.large', 'payload_too_large'],
  ['parameters.too.many', 'payload_too_large'],
  ['querystring.parse.rangeError', 'invalid_request'],
  ['request.aborted', 'invalid_request'],
  ['request.size.invalid', 'invalid_request'],
]);

/** What zlib calls a body that it cannot inflate: of gzip and deflate, of br, of zstd. */
const NOT_INFLATED = /^(?:Z_|ERR__ERROR_|ERR_BROTLI_|ZSTD_)/;

/** The code for what a body parser, or the router of a path with broken escapes, refused; undefined for every other error. */
function refusalOfParser(error: unknown): ErrorCode | undefined {
  if (clientStatusOf(error) === undefined) return undefined;
  const { type, code } = error as Record<string, unknown>;
  const isUnreadable = error instanceof URIError || (typeof code === 'string' && NOT_INFLATED.test(code));
  return REFUSALS.get(type) ?? (isUnreadable ? 'invalid_request' : undefined);
}

function isRefusalOfHost(error: unknown): boolean {
  const isOurs = error instanceof AppError || refusalOfParser(error) !== undefined;
  return !isOurs && clientStatusOf(error) !== undefined;
}

/** The 4xx status that Express would answer an error with. */
function clientStatusOf(error: unknown): number | undefined {
  const { status, statusCode } = (error ?? {}) as Record<string, unknown>;
  return [status, statusCode].find(
    (each): each is number => typeof each === 'number' && each >= 400 && each < 500,
  );
}
