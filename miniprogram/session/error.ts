/** What to do next: log in again, try later, or nothing (the same request fails again). */
export type Retry = 'login' | 'later' | 'never';
export type Language = 'zh' | 'en';

interface Details {
  readonly code: string;
  readonly status: number;
  readonly retry: Retry;
  readonly messages: string;
  readonly requestId?: string;
  /** Seconds that the server asks to wait. */
  readonly retryAfter?: number | undefined;
  /** What is wrong with each field, when `code` is `invalid_request`. */
  readonly issues?: readonly { path: string; message: string }[] | undefined;
  /** What wx said. */
  readonly reason?: string;
}

/** Every failure: the server's (`status` is HTTP's), or one of our own (`status` is 0). It never holds a token. */
export class SessionError extends Error {
  readonly code: string;
  readonly status: number;
  readonly retry: Retry;
  /** For people, in their language. */
  readonly messages: string;
  /** Look for it in the server's log; empty where the server did not answer. */
  readonly requestId: string;
  readonly retryAfter: number | undefined;
  readonly issues: readonly { path: string; message: string }[];
  readonly reason: string;

  constructor(details: Details) {
    const { code, status, retry, messages, requestId = '', retryAfter, issues = [] } = details;
    const reason = withoutTokens(details.reason ?? '');
    super(`${code}: ${messages}${reason && ` (${reason})`}`);
    this.name = 'SessionError';
    this.code = code;
    this.status = status;
    this.retry = retry;
    this.messages = messages;
    this.requestId = requestId;
    this.retryAfter = retryAfter;
    this.issues = issues;
    this.reason = reason;
  }
}

/** The failures that the server knows nothing of. */
const OWN = {
  network_failed: { retry: 'later', zh: '网络不可用，请稍后再试', en: 'No network: try again later' },
  timed_out: { retry: 'later', zh: '等待超时，请稍后再试', en: 'No answer in time: try again later' },
  login_failed: {
    retry: 'later',
    zh: '微信登录失败，请稍后再试',
    en: 'wx.login failed: try again later',
  },
  logged_out: { retry: 'never', zh: '请先登录', en: 'Logged out: log in first' },
  profile_denied: {
    retry: 'never',
    zh: '你取消了授权',
    en: 'You did not allow it',
  },
  profile_failed: { retry: 'never', zh: '无法获取用户资料', en: 'No profile could be had' },
  path_expected: {
    retry: 'never',
    zh: 'url 必须以 / 开头：只向 baseUrl 发送 token',
    en: 'url must start with /: the token goes to baseUrl only',
  },
} as const;

/** A failure of our own. */
export function failed(code: keyof typeof OWN, language: Language, reason: unknown = ''): SessionError {
  const { retry, [language]: messages } = OWN[code];
  return new SessionError({ code, status: 0, retry, messages, reason: textOf(reason) });
}

function textOf(reason: unknown): string {
  const { errMsg, message } = Object(reason) as { errMsg?: unknown; message?: unknown };
  return String(errMsg || message || reason);
}

/** wx may quote what it was given. */
function withoutTokens(text: string): string {
  return text.replace(/Bearer\s+\S+|eyJ[\w-]+\.[\w.-]*/g, '…').slice(0, 200);
}
