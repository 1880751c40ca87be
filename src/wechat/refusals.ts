import { AppError, type ErrorCode } from '../errors.ts';
import type { Reply } from './http.ts';

/** What an errcode means. */
export interface Meaning {
  readonly code: ErrorCode;
  /** What to do about it, for the log. */
  readonly hint?: string;
  /** Seconds. */
  readonly retryAfter?: number;
}

type Meanings = Readonly<Record<number, Meaning>>;

/** The errcodes that speak of the access_token: a new one may be accepted. */
export const TOKEN_REFUSED: ReadonlySet<number> = new Set([40001, 40014, 42001]);

/** The errcodes that say that a session_key is not the user's any more. */
export const SESSION_KEY_OVER: ReadonlySet<number> = new Set([87007, 87009]);

const tokenRefused: Meaning = {
  code: 'wechat_unavailable',
  hint: 'a new access_token was refused too: does something else fetch tokens of WX_APPID by cgi-bin/token?',
};
const sessionOver: Meaning = { code: 'wechat_session_over' };
const foreignOpenid: Meaning = {
  code: 'wechat_misconfigured',
  hint: 'the openid is not of WX_APPID: was WX_APPID changed on this database?',
};

/** @see https://developers.weixin.qq.com/doc/oplatform/Return_codes/Return_code_descriptions_new.html */
const everywhere: Meanings = {
  [-1]: { code: 'wechat_unavailable', hint: 'WeChat is busy' },
  40001: tokenRefused,
  40003: foreignOpenid,
  40013: { code: 'wechat_misconfigured', hint: 'mend WX_APPID: WeChat does not know it' },
  40014: tokenRefused,
  40125: { code: 'wechat_misconfigured', hint: 'mend WX_SECRET: it is not the AppSecret of WX_APPID' },
  40164: {
    code: 'wechat_misconfigured',
    hint: "add this server's address to the IP whitelist in the WeChat console",
  },
  40243: { code: 'wechat_misconfigured', hint: 'the AppSecret is frozen: unfreeze it in the WeChat console' },
  41001: lost('access_token'),
  41002: { code: 'wechat_misconfigured', hint: 'set WX_APPID' },
  41004: { code: 'wechat_misconfigured', hint: 'set WX_SECRET' },
  41008: lost('code'),
  42001: tokenRefused,
  43104: foreignOpenid,
  45009: {
    code: 'wechat_rate_limited',
    hint: 'the limit per day of this app: the WeChat console shows and resets it',
    retryAfter: 3600,
  },
  45011: { code: 'wechat_rate_limited', hint: 'the limit per minute of this app', retryAfter: 60 },
  48001: { code: 'wechat_misconfigured', hint: 'WX_APPID may not use this API: see the WeChat console' },
  61010: {
    code: 'wechat_user_inactive',
    hint: 'the user was not in the mini program within the last two hours',
  },
  87007: sessionOver,
  87008: lost('sig_method'),
  87009: sessionOver,
};

const noSuchPhoneCode: Meaning = {
  code: 'phone_code_invalid',
  hint: 'wrong, used or expired: the code of a getPhoneNumber button works once, for 5 minutes',
};
const wrongSecret: Meaning = {
  code: 'wechat_misconfigured',
  hint: 'mend WX_SECRET: it is not the AppSecret of WX_APPID',
};

/** What the same errcode means at one endpoint only. */
const at: Readonly<Record<string, Meanings>> = {
  '/sns/jscode2session': {
    40029: {
      code: 'wechat_code_invalid',
      hint: 'wrong or expired code, or WX_APPID is not the mini program that made it',
    },
    40163: { code: 'wechat_code_used' },
    40226: { code: 'wechat_user_blocked' },
  },
  '/wxa/business/getuserphonenumber': {
    40003: { code: 'phone_code_invalid', hint: 'the code is of another user' },
    40013: { code: 'phone_code_invalid', hint: 'the code is of another mini program than WX_APPID' },
    40029: noSuchPhoneCode,
    40163: noSuchPhoneCode,
    // Seen for codes of wx.login, beside 40029.
    47001: { code: 'phone_code_invalid', hint: 'not the form of a code that a getPhoneNumber button gives' },
  },
  '/wxa/business/checkencryptedmsg': {
    40097: lost('encrypted_msg_hash'),
    48001: {
      code: 'wechat_misconfigured',
      hint: "WX_APPID may not use this API, which tells genuine encryptedData: have pages send the code of today's getPhoneNumber button",
    },
  },
  '/cgi-bin/stable_token': { 40001: wrongSecret },
  '/cgi-bin/token': { 40001: wrongSecret },
};

const UNKNOWN: Meaning = { code: 'wechat_unavailable', hint: 'an errcode we do not know' };

/** What an errcode of an endpoint means. An unknown one counts as `wechat_unavailable`. */
export function meaningOf(path: string, errcode: number): Meaning {
  return at[path]?.[errcode] ?? everywhere[errcode] ?? UNKNOWN;
}

/**
 * The body of a reply that is a success.
 * @param instead codes to raise in another's place, where the caller knows better
 * @throws {AppError} what the errcode means, with its number in the log
 */
export function accepted(path: string, reply: Reply, instead: Partial<Record<ErrorCode, ErrorCode>> = {}) {
  const { errcode, errmsg, body } = reply;
  if (errcode === 0) return body;
  const { code, hint, retryAfter } = meaningOf(path, errcode);
  throw new AppError(instead[code] ?? code, {
    reason: `WeChat answered ${errcode} (${errmsg})${hint ? `: ${hint}` : ''}`,
    ...(retryAfter !== undefined && { retryAfter }),
  });
}

function lost(what: string): Meaning {
  const hint = `the ${what} got lost on the way: is a proxy at WX_API_BASE cutting the query?`;
  return { code: 'wechat_misconfigured', hint };
}
