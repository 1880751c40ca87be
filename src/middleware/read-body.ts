import express, { type Request, type RequestHandler, type Response } from 'express';
import { plainBody } from './plain-body.ts';

/** Nothing here takes more. `inflate` is off here too: a parser that is used without plainBody unpacks nothing either. */
const LIMITS = { limit: '64kb', inflate: false };
/** We know about ten. */
const MAX_FIELDS = 50;

/** Reads a JSON body. These three are the only body parsers of the project. */
export const readJson: RequestHandler[] = [plainBody, express.json(LIMITS)];

/** Reads a form, which makes texts only: no objects, no more than 50 fields. */
export const readForm: RequestHandler[] = [
  plainBody,
  express.urlencoded({ ...LIMITS, extended: false, parameterLimit: MAX_FIELDS }),
];

/** Reads a body as the text that it is, whatever its type says. */
export const readText: RequestHandler[] = [plainBody, express.text({ ...LIMITS, type: () => true })];

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
