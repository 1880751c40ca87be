/** What to do next: log in again, try later, or nothing (the same request fails again). */
export type Retry = 'login' | 'later' | 'never';
export type Language = 'zh' | 'en';

/** wx may quote what it was given. */
const TOKEN = /Bearer\s+\S+|eyJ[\w.-]{8,}/g;

/** Every failure, the server's (`status` is HTTP's) or our own (`status` 0); it never holds a token. */
export class SessionError extends Error {
  override readonly name = 'SessionError';
  readonly code: string = '';
  readonly status: number = 0;
  readonly retry: Retry = 'never';
  /** For people, in their language. */
  readonly messages: string = '';
  /** Look for it in the server's log; empty where the server did not answer. */
  readonly requestId: string = '';
  /** Seconds that the server asks to wait. */
  readonly retryAfter: number | undefined;
  /** What is wrong with each field, when `code` is `invalid_request`. */
  readonly issues: readonly { path: string; message: string }[] = [];
  /** What wx said. */
  readonly reason: string = '';

  constructor(details: Partial<SessionError>) {
    const reason = (details.reason ?? '').slice(0, 1000).replace(TOKEN, '…').slice(0, 200);
    super(`${details.code}: ${details.messages}${reason && ` (${reason})`}`);
    Object.assign(this, details, { reason });
  }
}

/** The failures that the server knows nothing of. */
const OWN = {
  network_failed: { retry: 'later', zh: '网络不可用，请稍后再试', en: 'No network: try again later' },
  unexpected_reply: {
    retry: 'never',
    zh: '收到的不是登录服务器的回复，请检查网络',
    en: 'The reply is not from the login server: check the network',
  },
  timed_out: { retry: 'later', zh: '等待超时，请稍后再试', en: 'No answer in time: try again later' },
  login_failed: { retry: 'later', zh: '微信登录失败，请稍后再试', en: 'wx.login failed: try again later' },
  logged_out: { retry: 'never', zh: '请先登录', en: 'Logged out: log in first' },
  profile_denied: { retry: 'never', zh: '你取消了授权', en: 'You did not allow it' },
  profile_failed: { retry: 'never', zh: '无法获取用户资料', en: 'No profile could be had' },
  path_expected: { retry: 'never', zh: 'url 必须以 / 开头', en: 'url must start with /' },
} as const;
export type OwnCode = keyof typeof OWN;

/** A failure of our own; `cause` is what wx said or what was thrown. */
export function failed(code: OwnCode, language: Language, cause: unknown = ''): SessionError {
  const { retry, [language]: messages } = OWN[code];
  const { errMsg, errno, message } = Object(cause) as {
    errMsg?: unknown;
    errno?: unknown;
    message?: unknown;
  };
  const said = errMsg || message || (typeof cause === 'string' && cause);
  const reason = [said, errno !== undefined && `(errno ${errno})`].filter(Boolean).join(' ');
  return new SessionError({ code, retry, messages, reason });
}
