import type { Text } from './language.ts';

/** What a client does next: log in again, try later, or nothing (the same request fails again). */
export type Retry = 'login' | 'later' | 'never';

interface CatalogueEntry extends Text {
  readonly status: number;
  readonly retry: Retry;
  /** When it happens, for the reference. */
  readonly when: string;
}

/** Every failure that a client can see. `docs/errors.md` is generated from this table. */
export const catalogue = {
  invalid_request: {
    status: 400,
    retry: 'never',
    zh: '请求参数有误，请看 issues 中列出的字段',
    en: 'The request is not valid: see the fields listed in issues',
    when: 'A field is missing or malformed, or the body is not what its `Content-Type` says; `issues` names each, and says what to send.',
  },
  account_in_use: {
    status: 409,
    retry: 'never',
    zh: '账号还被其他数据（如订单）引用，无法注销，请联系客服',
    en: 'Other data (such as orders) refers to this account, so it cannot be erased: ask its operator',
    when: "A foreign key of the app's own tables on `wxuser` keeps the row: it is `ON DELETE RESTRICT`. The log names it. The session has ended.",
  },
  content_rejected: {
    status: 400,
    retry: 'never',
    zh: '内容未通过微信的内容安全检测，请换一个',
    en: 'WeChat does not allow this content: choose another one',
    when: 'Only with `WX_CONTENT_CHECK=true`: WeChat finds the name risky. Nothing was stored; the log has the label and the trace_id.',
  },
  profile_rejected: {
    status: 400,
    retry: 'login',
    zh: '用户资料校验未通过，请重新登录',
    en: 'The profile could not be verified: log in again',
    when: 'Only with `WX_PROFILE_STRICT=true`: the profile comes without `rawData` and a `signature` of it that holds under the session_key of this login. `encryptedData` is no proof.',
  },
  login_code_expected: {
    status: 400,
    retry: 'never',
    zh: '这是手机号按钮（getPhoneNumber）的 code，请改传 wx.login 返回的 code',
    en: 'That is the code of the getPhoneNumber button: send the code of wx.login',
    when: 'WeChat refused the login code, and it has the form of the other one (64 hex digits).',
  },
  phone_code_expected: {
    status: 400,
    retry: 'never',
    zh: '这是 wx.login 的 code，请改传手机号按钮（getPhoneNumber）返回的 code',
    en: 'That is the code of wx.login: send the code of the getPhoneNumber button',
    when: 'WeChat refused the phone code, and it has the form of the other one (32 characters, starting with 0).',
  },
  phone_code_invalid: {
    status: 400,
    retry: 'never',
    zh: '手机号 code 无效、已使用或已过期，请用户重新点击手机号按钮（getPhoneNumber）',
    en: 'The phone code is wrong, used or expired: have the user tap the getPhoneNumber button again',
    when: "WeChat answered 40029: the code of a getPhoneNumber button's `detail` works once, for 5 minutes; or it is another user's or another mini program's.",
  },
  phone_rejected: {
    status: 400,
    retry: 'login',
    zh: '手机号数据解密失败，请重新登录后，让用户再次点击手机号按钮',
    en: 'The phone data does not decrypt: log in again, then have the user tap the button again',
    when: "The `encryptedData` of the older getPhoneNumber button is not encrypted with this session's session_key (a later wx.login may have replaced it), holds no phone number, is more than an hour old, or WeChat does not know it as genuine. The log says which. (What is no such data at all is `invalid_request`.)",
  },
  token_missing: {
    status: 401,
    retry: 'login',
    zh: '请先登录',
    en: 'Log in first: the request has no token',
    when: 'A protected route was called without a token, or with the text `undefined` or `null` in its place, as clients send that have stored none.',
  },
  token_invalid: {
    status: 401,
    retry: 'login',
    zh: '登录凭证无效，请重新登录',
    en: 'The token is not valid: log in again',
    when: 'The token is malformed, was signed with another key, or was not issued by this service. The log says what came: `Bearer` twice, quotes, URL-encoding, another scheme, a cut token, a key that is not here.',
  },
  token_expired: {
    status: 401,
    retry: 'login',
    zh: '登录已过期，请重新登录',
    en: 'The token has expired: log in again',
    when: 'The token was good and its time is over.',
  },
  session_ended: {
    status: 401,
    retry: 'login',
    zh: '登录已失效，请重新登录',
    en: 'This session has ended: log in again',
    when: 'The token is good but its session is over: logged out, ended from another device, pushed out by newer ones, not used for `SESSION_IDLE`, or the account was erased, or banned and let in again.',
  },
  wechat_code_invalid: {
    status: 401,
    retry: 'login',
    zh: '登录 code 无效或已过期，请重新调用 wx.login',
    en: 'The login code is invalid or has expired: call wx.login again',
    when: 'WeChat answered 40029: a wrong code, one older than 5 minutes, or one of another mini program.',
  },
  wechat_code_used: {
    status: 401,
    retry: 'login',
    zh: '登录 code 已被使用，请重新调用 wx.login',
    en: 'The login code has been used already: call wx.login again',
    when: 'WeChat answered 40163: a code works once.',
  },
  wechat_session_over: {
    status: 401,
    retry: 'login',
    zh: '微信登录态已失效，请重新登录',
    en: "WeChat's session with this user is over: log in again",
    when: "WeChat answered 87007 or 87009: the session_key is not the user's any more.",
  },
  wechat_user_inactive: {
    status: 401,
    retry: 'login',
    zh: '用户近两小时内未访问小程序，请重新登录后再试',
    en: 'The user was not in the mini program for two hours: log in again',
    when: 'WeChat answered 61010: it checks content of users who were there within the last two hours only.',
  },
  wechat_user_blocked: {
    status: 403,
    retry: 'never',
    zh: '该微信用户存在风险，已被微信拦截',
    en: 'WeChat blocks this user as high-risk',
    when: 'WeChat answered 40226.',
  },
  user_banned: {
    status: 403,
    retry: 'never',
    zh: '该账号已被停用',
    en: 'This account has been banned',
    when: 'The `status` of the `wxuser` row is `banned`.',
  },
  callback_unreadable: {
    status: 400,
    retry: 'never',
    zh: '无法读取推送的消息',
    en: 'The pushed message cannot be read',
    when: 'What was pushed to the callback is neither JSON nor XML of WeChat, is not UTF-8, does not decrypt, is in plain text although `WX_CALLBACK_AES_KEY` is set, or was read by a body parser of the app around us. The log says what to do.',
  },
  callback_signature_invalid: {
    status: 403,
    retry: 'never',
    zh: '推送消息的签名不正确',
    en: 'The signature of the pushed message is wrong',
    when: 'What was pushed to the callback is not signed with `WX_CALLBACK_TOKEN`.',
  },
  callback_replayed: {
    status: 403,
    retry: 'never',
    zh: '推送消息的签名已过期或已被使用',
    en: 'The signature of the pushed message is too old, or was used before',
    when: 'The signature is 10 minutes from our clock, or came with another message before. (The same message again is answered `success`.)',
  },
  callback_foreign_app: {
    status: 403,
    retry: 'never',
    zh: '推送的消息属于其他小程序',
    en: 'The pushed message is for another mini program',
    when: 'What was pushed to the callback names another AppID.',
  },
  sandbox_is_local: {
    status: 403,
    retry: 'never',
    zh: '沙箱只接受用 IP 地址或本地名称直接发来的请求，不接受经过代理的请求，也不接受其他网站的页面；自己的域名请写入 PUBLIC_URL',
    en: 'The sandbox takes requests that come straight to an IP address or a local name, none through a proxy and none from a page of another site: name a host of yours in PUBLIC_URL',
    when: 'Only in the sandbox, on every route: the Host is a name that strangers could own; the request came through a proxy (a header such as X-Forwarded-For says so, or HTTP/1.0) to another Host than that of a `PUBLIC_URL` that strangers can reach; a browser says that a page of another site is asking; or the `Referer` is that of a released mini program. (Otherwise a server that became a sandbox by mistake would let in anyone, and a page elsewhere could drive a sandbox on your machine.) For real users set `WX_APPID`.',
  },
  not_found: {
    status: 404,
    retry: 'never',
    zh: '没有这个接口或记录',
    en: 'There is no such route or record',
    when: 'No route has this method and path, or what the path names is not there, such as a session that is not yours.',
  },
  request_too_slow: {
    status: 408,
    retry: 'later',
    zh: '上传速度过慢，请检查网络后重试',
    en: 'The request body came too slowly: try again on a better connection',
    when: 'A body was not whole after 10 seconds; or an upload brought less than 40 KB within 5 seconds, or took more than 30. The connection closes.',
  },
  payload_too_large: {
    status: 413,
    retry: 'never',
    zh: '请求内容过大',
    en: 'The request body is too large',
    when: 'The body exceeds 64 KiB, a form has more than 50 fields, or an uploaded picture exceeds `AVATAR_MAX_BYTES`.',
  },
  unsupported_media_type: {
    status: 415,
    retry: 'never',
    zh: '请求格式不支持，请使用 application/json 或 application/x-www-form-urlencoded，UTF-8 编码、不压缩；图片请用 multipart/form-data（wx.uploadFile）',
    en: 'Send application/json or application/x-www-form-urlencoded, in UTF-8 and not compressed; a picture as multipart/form-data (wx.uploadFile)',
    when: 'The body is neither JSON nor a form, that of an upload is not multipart/form-data, its charset is not UTF-8, or it is compressed (any `Content-Encoding` but `identity`). It is refused before it is read; `issues` says what came where that helps, such as an upload that is called JSON.',
  },
  too_many_requests: {
    status: 429,
    retry: 'later',
    zh: '请求过于频繁，请稍后再试',
    en: 'Too many requests: try again later',
    when: 'More logins from one address than `LOGIN_RATE_LIMIT` a minute, more than 10 tries an hour of one user with the `encryptedData` of the older getPhoneNumber button, or more uploads at once than the server takes; `Retry-After` says when to come back.',
  },
  wechat_rate_limited: {
    status: 429,
    retry: 'later',
    zh: '微信接口调用过于频繁，请稍后再试',
    en: 'WeChat limits our calls: try again later',
    when: 'WeChat answered 45011, its limit per minute, or 45009, its limit per day; `Retry-After` says when to come back.',
  },
  wechat_unavailable: {
    status: 503,
    retry: 'later',
    zh: '微信服务暂时不可用，请稍后再试',
    en: 'WeChat is not available: try again later',
    when: 'WeChat answered -1 twice, did not answer in time, refused a new access_token too (40001, 40014, 42001), or answered what WeChat does not send; or 256 calls wait for it already.',
  },
  wechat_misconfigured: {
    status: 500,
    retry: 'never',
    zh: '服务器的微信配置有误，请联系开发者',
    en: "The server's WeChat settings are wrong: tell its developer",
    when: 'WeChat refused the AppID, the AppSecret or our address (40013, 40125, 40164, 40243, 4100x), or that we use this API (48001). The log says which setting to mend.',
  },
  database_unavailable: {
    status: 503,
    retry: 'later',
    zh: '数据库暂时不可用，请稍后再试',
    en: 'The database is not available: try again later',
    when: 'The database or Redis cannot be reached, is locked, full or read-only. The log has the cause.',
  },
  storage_unavailable: {
    status: 503,
    retry: 'later',
    zh: '图片存储暂时不可用，请稍后再试',
    en: 'The store of pictures is not available: try again later',
    when: 'The disk is full or read-only, or the S3 store does not answer. Nothing was changed; the log has the cause.',
  },
  storage_misconfigured: {
    status: 500,
    retry: 'never',
    zh: '服务器的图片存储配置有误，请联系开发者',
    en: "The server's settings for pictures are wrong: tell its developer",
    when: '`PUBLIC_URL` is not set, or the S3 store refused the key, the bucket or the region. The log says which setting to mend.',
  },
  internal_error: {
    status: 500,
    retry: 'later',
    zh: '服务器内部错误，请稍后再试',
    en: 'Something went wrong on the server: try again later',
    when: 'Anything unforeseen. The cause is only in the log, under the `requestId` of the reply.',
  },
} as const satisfies Record<string, CatalogueEntry>;

export type ErrorCode = keyof typeof catalogue;

/** What is wrong with one field of a request: its path (`rawData.nickName`) and a text. */
export interface Issue {
  readonly path: string;
  readonly message: Text;
}

interface Details {
  /** The fields at fault, for the client. */
  readonly issues?: readonly Issue[];
  /** Seconds until a retry makes sense, sent as `Retry-After`. */
  readonly retryAfter?: number;
  /** The cause and the next step, for the log only. Holds no secret, code, session_key, token or openid. */
  readonly reason?: string;
  /** What was unforeseen, for the log only. */
  readonly cause?: unknown;
}

/**
 * A failure of the catalogue: the only kind of error that reaches a client as itself. `status`, `statusCode`, `headers` and `expose` are
 * what Express and other error handlers read, so that an app without ours answers the right status too.
 */
export class AppError extends Error {
  override readonly name = 'AppError';
  readonly code: ErrorCode;
  readonly status: number;
  readonly statusCode: number;
  /** The message is the catalogue's, which anybody may read. */
  readonly expose = true;
  readonly headers: Readonly<Record<string, string>>;
  readonly issues: readonly Issue[] | undefined;
  readonly retryAfter: number | undefined;
  readonly reason: string | undefined;

  constructor(code: ErrorCode, { issues, retryAfter, reason, ...options }: Details = {}) {
    const { en, status } = catalogue[code];
    super(en, options);
    this.code = code;
    this.status = status;
    this.statusCode = status;
    this.headers = {
      'Cache-Control': 'no-store',
      ...(status === 401 && { 'WWW-Authenticate': 'Bearer' }),
      ...(retryAfter !== undefined && { 'Retry-After': String(retryAfter) }),
    };
    this.issues = issues;
    this.retryAfter = retryAfter;
    this.reason = reason;
    // An expected failure: the log has its reason. Outside production, Express sends an error's stack to the client.
    this.stack = `${this.name}: ${code}: ${en}`;
  }

  /** What a client may see of it. */
  toJSON() {
    const { status, code, message } = this;
    return { status, code, message, retry: catalogue[code].retry };
  }
}
