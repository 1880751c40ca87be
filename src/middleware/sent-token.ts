import type { Request } from 'express';
import { AppError } from '../errors.ts';

/** Ours have 500 characters. */
const MAX_TOKEN = 8192;

const WRAPPED = 'there is a blank or a new line inside the token: it was cut or wrapped on its way';

/** What clients send in place of a token, and what to do about it. None of these texts quotes what came. */
const MISTAKES: readonly (readonly [RegExp, string])[] = [
  [
    /^Bearer\s+Bearer\b/i,
    'Bearer stands there twice: the token of a login begins with "Bearer " already, so send it as it is',
  ],
  [/^Bearer\s*[:=,]/i, 'there is a sign between Bearer and the token: it must be a blank'],
  [/^Bearer[a-z0-9]/i, 'there is no blank between Bearer and the token'],
  [
    /^(?:Bearer\s*)?["'`\\]|["'`]$/i,
    'the token is in quotes: it was stored or sent by JSON.stringify. Send the text itself',
  ],
  [
    /\[object \w+\]/i,
    'an object was sent in place of the token: the whole reply of a login, or a promise that was not awaited. Send its token',
  ],
  [/%[0-9a-f]{2}/i, 'the token is URL-encoded: a header is not, so send it as it is'],
  [/,/, 'there are two tokens in one header: something on the way adds its own'],
  [
    /^(?:Basic|Digest|Token|JWT|ApiKey|Negotiate|OAuth|MAC)\s/i,
    'the header has another scheme than Bearer: is it the password of a proxy, or of another service?',
  ],
];

/**
 * The token that a request bears, as both tutorials' clients send it: `Authorization: Bearer <jwt>`, `Authorization: <jwt>`, `token: <jwt>`.
 * @throws {AppError} `token_missing`, or `token_invalid` with what came in place of one
 */
export function sentToken(req: Request): string {
  const sent = (req.get('authorization') || req.get('token') || '').trim();
  if (sent.length > MAX_TOKEN) throw invalid(`longer than ${MAX_TOKEN} characters`);
  if (new Set(req.headersDistinct['authorization']).size > 1)
    throw invalid('there are two Authorization headers: something on the way adds its own');
  const token = sent.replace(/^Bearer(?![\w])\s*/i, '');
  if (token === '') throw new AppError('token_missing');
  // A client that has stored nothing sends the text of a missing value.
  if (token === 'undefined' || token === 'null')
    throw new AppError('token_missing', {
      reason: `the client sent the text ${token} in place of a token: it has none`,
    });
  const [, mistake] = MISTAKES.find(([form]) => form.test(sent)) ?? [];
  if (mistake) throw invalid(mistake);
  if (/\s/.test(token)) throw invalid(WRAPPED);
  const parts = token.split('.').length;
  if (parts !== 3)
    throw invalid(
      `not a JWT, which has 3 parts: ${token.length} characters in ${parts} part(s). Was it cut?`,
    );
  return token;
}

function invalid(reason: string): AppError {
  return new AppError('token_invalid', { reason });
}
