import { isUtf8 } from 'node:buffer';
import { parse } from 'node:querystring';
import type { Request, RequestHandler, Response } from 'express';
import { AppError } from '../errors.ts';
import type { Text } from '../language.ts';
import { hasBody, plainBody } from './plain-body.ts';
import { receiveBody } from './receive-body.ts';
import { NOT_READABLE, NOT_UTF8, notAForm, notJson } from './unreadable.ts';

/** Nothing here takes more. */
const SMALL = { maxBytes: 65_536, deadlineMs: 10_000 };
/** We know about ten. */
const MAX_FIELDS = 50;

/** Reads a JSON body. These three are the only body parsers of the project. */
export const readJson = reading((req) => req.is('application/json'), parseJson);

/** Reads a form, which makes texts only: no objects, no more than 50 fields. */
export const readForm = reading((req) => req.is('application/x-www-form-urlencoded'), parseForm);

/** Reads a body as the text that it is, whatever its type says. Bytes that are no UTF-8 stay bytes. */
export const readText = reading(
  () => true,
  (bytes) => decodeUtf8(bytes) ?? bytes,
);

/** Reads JSON or a form into `req.body`, where no parser of the app around us has. Anything else leaves it undefined. */
export async function readBody(req: Request, res: Response): Promise<void> {
  if (isUnread(req)) req.body = undefined;
  for (const handler of [...readJson, ...readForm]) await run(handler, req, res);
}

/** Whether no parser has read the body: those of Express 4 set `{}` where they read nothing, those of Express 5 nothing. */
export function isUnread({ body, readableDidRead }: Request): boolean {
  return body === undefined || (!readableDidRead && isEmptyObject(body));
}

function run(handler: RequestHandler, req: Request, res: Response): Promise<void> {
  return new Promise((resolve, reject) => {
    void handler(req, res, (error?: unknown) => (error ? reject(error) : resolve()));
  });
}

function isEmptyObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}

/** Reads what is of its type and has not been read yet. Not express.json and its like: those read what they refuse to its end. */
function reading(takes: (req: Request) => unknown, parseBody: (bytes: Buffer) => unknown): RequestHandler[] {
  return [
    plainBody,
    (req, _res, next) => {
      if (!hasBody(req) || req.readableDidRead || !takes(req)) return next();
      return receiveBody(req, SMALL)
        .then((blocks) => {
          req.body = parseBody(Buffer.concat(blocks));
        })
        .then(() => next(), next);
    },
  ];
}

function parseJson(bytes: Buffer): unknown {
  const text = utf8Of(bytes);
  if (text === '') return {};
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null) return value;
  } catch {
    // said below
  }
  throw unparsable(notJson(text));
}

function parseForm(bytes: Buffer): object {
  const text = utf8Of(bytes);
  if (text.split('&').length > MAX_FIELDS) throw new AppError('payload_too_large');
  const mistake = notAForm(text);
  if (mistake) throw unparsable(mistake);
  const escaped = text.match(/(?:%[0-9a-f]{2})+/gi) ?? [];
  const isReadable = escaped.every((bytes) => isUtf8(Buffer.from(bytes.replaceAll('%', ''), 'hex')));
  if (!isReadable) throw unparsable(NOT_UTF8); // querystring would put question marks
  return parse(text);
}

/** @throws {AppError} rather than put question marks in the place of what a client sent in another charset */
function utf8Of(bytes: Buffer): string {
  const text = decodeUtf8(bytes);
  if (text === undefined) throw unparsable(NOT_UTF8);
  return text;
}

/** The text of bytes, without a byte order mark; undefined where they are not UTF-8. */
export function decodeUtf8(bytes: Buffer): string | undefined {
  return isUtf8(bytes) ? new TextDecoder().decode(bytes) : undefined;
}

/** Malformed JSON, a cut body, a path with broken escapes: somebody's mistake that is not ours. */
export function unparsable(message?: Text): AppError {
  const issues = [{ path: 'body', message: message ?? NOT_READABLE }];
  return new AppError('invalid_request', { issues, ...(message && { reason: `the body ${message.en}` }) });
}
