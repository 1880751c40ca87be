import type { IncomingMessage } from 'node:http';
import type { RequestHandler } from 'express';
import { AppError } from '../errors.ts';

/** No type that anybody means is longer: a multipart boundary has at most 70 characters. */
const MAX_TYPE = 256;
/** Wherever the word stands: of two, or of one in quotes, a parser may take another than we would. */
const CHARSETS = /charset\s*=\s*["']?([^\s"';,]*)/gi;
/** As people write it. We decode the body ourselves, so that no parser needs to know the name. */
const UTF8 = /^utf[-_]?8$/i;

/**
 * Refuses a body that is compressed or in another charset than UTF-8, before a byte of it is read. Both cost a server far
 * more than a client: a few bytes unpack to any number, and most charsets are decoded at a quadratic price.
 */
export const plainBody: RequestHandler = (req, _res, next) => {
  // What an app around us has read is read: it was that app's to refuse.
  if (!hasBody(req) || req.readableDidRead) return next();
  const { 'content-encoding': encoding = 'identity', 'content-type': type = '' } = req.headers;
  if (!/^(?:identity)?$/i.test(encoding)) throw refusal('a Content-Encoding other than identity');
  if (type.length > MAX_TYPE) throw refusal(`a Content-Type of ${type.length} characters`);
  const charsets = Array.from(type.matchAll(CHARSETS), ([, charset = '']) => charset);
  if (!charsets.every((charset) => UTF8.test(charset))) throw refusal('a charset other than UTF-8');
  return next();
};

/** Whether a request has a body, be it read or not. */
export function hasBody({ headers }: Pick<IncomingMessage, 'headers'>): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length']) > 0;
}

function refusal(what: string): AppError {
  return new AppError('unsupported_media_type', { reason: `the request has ${what}` });
}
