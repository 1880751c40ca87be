import { randomBytes, randomInt } from 'node:crypto';

/**
 * WeChat's errmsg by errcode, as on the wire without its rid; the comma in front of the rid is sometimes there, sometimes
 * not. Those of which no wire log is known (-1, 1, 40002, 40097, 40129, 40226, 40243, 43104, 45002, 45011, 870xx) are as documented,
 * or our choice.
 */
const TEXTS: Readonly<Record<number, string>> = {
  [-1]: 'system error',
  1: 'data not exit',
  40001:
    'invalid credential, access_token is invalid or not latest, could get access_token by getStableAccessToken, more details at https://mmbizurl.cn/s/JtxxFh33r',
  40002: 'invalid grant_type',
  40003: 'invalid openid',
  40013: 'invalid appid',
  40014: 'invalid access_token',
  40029: 'invalid code,',
  40097: 'invalid args',
  40125: 'invalid appsecret,',
  40129: 'invalid scene',
  40163: 'code been used,',
  40164: 'invalid ip 203.0.113.7 ipv6 ::ffff:203.0.113.7, not in whitelist',
  40226: 'code blocked,',
  40243: 'appsecret is frozen,',
  41001: 'access_token missing',
  41002: 'appid missing',
  41004: 'appsecret missing,',
  41008: 'missing code,',
  42001: 'access_token expired',
  43001: 'require GET method,',
  43002: 'require POST method,',
  43104: 'appid and openid do not match,',
  44002: 'empty post data',
  45002: 'content size out of limit',
  45009: 'reach max api daily quota limit',
  45011: 'api minute-quota reach limit mustslower retry next minute',
  47001: 'data format error',
  61010: 'code is expired',
  87007: 'session_key is not existd or expired',
  87008: 'invalid sig_method',
  87009: 'invalid signature',
};

/** An errcode that an endpoint answers. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly errcode: number;

  /** @param text the errmsg, where it is not the usual one of this errcode */
  constructor(errcode: number, text?: string) {
    super(text ?? TEXTS[errcode] ?? 'error');
    this.errcode = errcode;
  }

  /** As WeChat sends it, with the id of the request. */
  toReply(now: Date): { errcode: number; errmsg: string } {
    return { errcode: this.errcode, errmsg: `${this.message} rid: ${ridOf(now)}` };
  }
}

/** Names a request, in an errmsg or as a trace_id: three groups of 8 hex digits, the first being Unix seconds. */
export function ridOf(now: Date): string {
  const group = () => randomBytes(4).toString('hex');
  return `${Math.floor(now.getTime() / 1000).toString(16)}-${group()}-${group()}`;
}

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** The `hint: [IfdFrrMre-JPlAXa]` that stands in some errmsgs. */
export function hint(): string {
  const letters = (length: number) =>
    Array.from({ length }, () => LETTERS[randomInt(LETTERS.length)]).join('');
  return `hint: [${letters(9)}-${letters(6)}]`;
}
