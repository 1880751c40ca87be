import { failed, type Language, type Retry, SessionError } from './error.js';
import type { Response } from './platform.js';

/** What wx gave as a response, in one form. */
export interface Reply {
  readonly status: number;
  /** What JSON was in it; any other text as it is. */
  readonly data: unknown;
  readonly header: object;
}

/**
 * Reads what wx calls a success, whatever its platform makes of it: the status may be a text, `data` may be JSON that was
 * not parsed, `header` may be missing.
 * @throws {SessionError} `network_failed` where there is no HTTP status
 */
export function readReply(given: unknown, language: Language): Reply {
  const { statusCode, data, header } = Object(given) as Partial<Response>;
  const status = Number(statusCode);
  if (!(status >= 100 && status < 600)) throw failed('network_failed', language, 'wx gave no HTTP status');
  return { status, data: parsed(data), header: Object(header) };
}

function parsed(data: unknown): unknown {
  if (typeof data !== 'string') return data;
  try {
    return JSON.parse(data.replace(/^\uFEFF/, ''));
  } catch {
    return data;
  }
}

const RETRIES: readonly Retry[] = ['login', 'later', 'never'];

/** The failure that a status other than 2xx stands for. */
export function refusal(reply: Reply): SessionError {
  const { status } = reply;
  // What a proxy on the way answers, or a route of yours, need not have our form.
  const body = Object(reply.data) as { readonly [Field in keyof SessionError]?: unknown };
  const code = textOf(body.code);
  return new SessionError({
    code: code || `http_${status}`,
    status,
    retry: RETRIES.find((each) => each === body.retry) ?? retryOf(status),
    messages: textOf(body.messages) || `HTTP ${status}`,
    requestId: textOf(body.requestId),
    retryAfter: Number(headerOf(reply, 'retry-after')) || undefined,
    issues: issuesOf(body.issues),
    reason: code ? '' : reasonOf(reply),
  });
}

/** What somebody else answered. */
function reasonOf({ status, data }: Reply): string {
  const who = status < 400 ? 'a cache or a redirect on the way' : 'not weapp-login';
  return `${who} answered ${status} with ${describe(data)}`;
}

/** What kind of thing it is; nothing of its content, which may be private. */
export function describe(data: unknown): string {
  if (data === undefined || data === '') return 'nothing';
  if (typeof data === 'string')
    return /^\s*</.test(data) ? 'a web page' : `a text of ${data.length} characters`;
  if (Array.isArray(data)) return 'an array';
  return typeof data === 'object' && data !== null ? 'other JSON' : String(data).slice(0, 20);
}

/** A text, or a number as one; empty for anything else. */
function textOf(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}

function issuesOf(given: unknown): SessionError['issues'] {
  const issues = Array.isArray(given) ? given : [];
  return issues.map((issue) => {
    const { path, message } = Object(issue) as { path?: unknown; message?: unknown };
    return { path: textOf(path), message: textOf(message) };
  });
}

/** Whatever the case of its name; of several values the first. */
function headerOf({ header }: Reply, name: string): string {
  const found = Object.entries(header).find(([each]) => each.toLowerCase() === name);
  const value: unknown = found?.[1];
  return textOf(Array.isArray(value) ? value[0] : value);
}

function retryOf(status: number): Retry {
  if (status === 401) return 'login';
  return status === 429 || status >= 502 ? 'later' : 'never';
}
