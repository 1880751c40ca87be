import { failed, type Language } from './error.js';
import { describe, type Reply } from './reply.js';

type Check = (value: unknown) => boolean;
type Fields = Readonly<Record<string, Check>>;

const isObject: Check = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);
const isText: Check = (value) => typeof value === 'string';
const isBoolean: Check = (value) => typeof value === 'boolean';
const isToken: Check = (value) => /^Bearer \S+$/.test(String(value));
const isTime: Check = (value) => isText(value) && Date.parse(String(value)) > 0;
const isId: Check = (value) => (typeof value === 'number' || typeof value === 'string') && value !== '';
const isTextOrNull: Check = (value) => value === null || isText(value);
const isUser = ofFields({ id: isId, nickName: isTextOrNull, avatar: isTextOrNull });
const areSessions: Check = (value) => Array.isArray(value) && value.every(ofFields({ id: isText }));

/** What the server's routes answer, as far as a page relies on it. */
const CONTRACT: Readonly<Record<string, Fields>> = {
  'POST /api/wxuser': { token: isToken, expiresAt: isTime, isNew: isBoolean, user: isUser },
  'GET /api/wxuser/me': { user: isUser },
  'PUT /api/wxuser/me': { user: isUser },
  'DELETE /api/wxuser/me': {},
  'GET /api/wxuser/me/export': { wxuser: isObject },
  'POST /api/wxuser/me/phone': { phone: isText },
  'POST /api/wxuser/me/avatar': { user: isUser },
  'GET /api/wxuser/sessions': { sessions: areSessions },
  'DELETE /api/wxuser/sessions/:id': {},
  'POST /api/wxuser/logout': {},
};

function ofFields(fields: Fields): Check {
  return (value) => isObject(value) && wrongFields(fields, value).length === 0;
}

function wrongFields(fields: Fields, value: unknown): string[] {
  const given = Object(value) as Record<string, unknown>;
  return Object.keys(fields).filter((name) => !fields[name]?.(given[name]));
}

/** A page of a gateway or of a Wi-Fi that wants a login. A route of yours may answer anything else, a part of a page too. */
const PAGE = /^\s*<(?:!doctype|!--|\?xml|html|head|body|title|meta|script)\b/i;

/**
 * Lets through what the server answers. Anything can come with a 200: the base URL may lead to another server, or
 * somebody on the way may answer.
 * @throws {SessionError} `unexpected_reply`, which says what came
 */
export function checkReply(
  reply: Reply,
  asked: { readonly method: string; readonly url: string; readonly baseUrl: string },
  language: Language,
): void {
  const { data } = reply;
  const path = asked.url.replace(/\?.*/, '').replace(/\/$/, '');
  const route = `${asked.method.toUpperCase()} ${path.replace(/^(\/api\/wxuser\/sessions)\/.+/, '$1/:id')}`;
  const fields = CONTRACT[route];
  const wrong = fields ? wrongFields({ status: (status) => status === 200, ...fields }, data) : [];
  const isPage = isText(data) && PAGE.test(String(data));
  if (wrong.length === 0 && !isPage) return;
  const lacking = isObject(data) ? `, wrong or missing: ${wrong.join(', ')}` : '';
  const came = `${route.slice(0, 60)} gave ${reply.status} with ${describe(data)}${lacking}`;
  const hint = `is baseUrl right (${asked.baseUrl})? Or a gateway or Wi-Fi that wants a login?`;
  throw failed('unexpected_reply', language, `${came}: ${hint}`);
}
