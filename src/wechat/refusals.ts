import { AppError, type ErrorCode } from '../errors.ts';

interface Meaning {
  readonly code: ErrorCode;
  /** What to do about it, for the log. */
  readonly hint?: string;
  /** Seconds. */
  readonly retryAfter?: number;
}

/**
 * WeChat's errcodes as ours.
 * @see https://developers.weixin.qq.com/miniprogram/dev/OpenApiDoc/user-login/code2Session.html
 */
const meanings: Readonly<Record<number, Meaning>> = {
  [-1]: { code: 'wechat_unavailable', hint: 'WeChat is busy' },
  40013: { code: 'wechat_misconfigured', hint: 'mend WX_APPID: WeChat does not know it' },
  40029: {
    code: 'wechat_code_invalid',
    hint: 'wrong or expired code, or WX_APPID is not the mini program that made it',
  },
  40125: { code: 'wechat_misconfigured', hint: 'mend WX_SECRET: it is not the AppSecret of WX_APPID' },
  40163: { code: 'wechat_code_used' },
  40164: {
    code: 'wechat_misconfigured',
    hint: "add this server's address to the IP whitelist in the WeChat console",
  },
  40226: { code: 'wechat_user_blocked' },
  40243: { code: 'wechat_misconfigured', hint: 'the AppSecret is frozen: unfreeze it in the WeChat console' },
  41002: { code: 'wechat_misconfigured', hint: 'set WX_APPID' },
  41004: { code: 'wechat_misconfigured', hint: 'set WX_SECRET' },
  41008: {
    code: 'wechat_misconfigured',
    hint: 'the code got lost on the way: is a proxy at WX_API_BASE cutting the query?',
  },
  45011: { code: 'wechat_rate_limited', hint: 'the limit per minute of this app', retryAfter: 60 },
};

/**
 * The error for an errcode. An unknown one counts as `wechat_unavailable`, with its number in the log.
 * @param hidden texts that must not come into the log, even if WeChat repeats them
 */
export function refusal(answer: { errcode: number; errmsg: string }, hidden: readonly string[]): AppError {
  const meaning = meanings[answer.errcode] ?? {
    code: 'wechat_unavailable',
    hint: 'an errcode we do not know',
  };
  const telling = hidden.filter((value) => value.length >= 8); // a shorter one is no secret, and would garble the text
  const errmsg = telling.reduce((text, value) => text.replaceAll(value, '…'), answer.errmsg).slice(0, 200);
  const hint = meaning.hint ? `: ${meaning.hint}` : '';
  return new AppError(meaning.code, {
    reason: `WeChat answered ${answer.errcode} (${errmsg})${hint}`,
    ...(meaning.retryAfter !== undefined && { retryAfter: meaning.retryAfter }),
  });
}
