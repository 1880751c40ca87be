import type { Response } from 'express';

/** What JSON allows in a text, and JavaScript before ES2019 takes for the end of a line. */
const LINE_ENDS = /[\u2028\u2029]/g;

/** A value as JSON that is also JavaScript, in every version of it: a phone may read a reply as that. */
export function toJson(value: unknown): string {
  return JSON.stringify(value).replace(LINE_ENDS, (char) => (char === '\u2028' ? '\\u2028' : '\\u2029'));
}

/** Answers JSON, the same in every app: not `res.json`, which goes by settings of the app around us. */
export function sendJson(res: Response, value: unknown): Response {
  return res.type('json').send(toJson(value));
}
