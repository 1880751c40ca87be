import express, { type RequestHandler } from 'express';
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
