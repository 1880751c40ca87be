import { createCipheriv, createHash, randomBytes } from 'node:crypto';
import { SANDBOX_APPID } from '../config.ts';
import { type Codes, createCodes } from './codes.ts';

/** The sandbox's AppSecret. It protects nothing: the sandbox lets anyone be anyone. */
export const SANDBOX_SECRET = '5a0db0c55a0db0c55a0db0c55a0db0c5';

export interface UserInfo {
  readonly nickName: string;
  readonly gender: number;
  readonly language: string;
  readonly city: string;
  readonly province: string;
  readonly country: string;
  readonly avatarUrl: string;
  readonly is_demote?: true;
}

/** What wx.getUserProfile gives the page. */
export interface UserProfile {
  readonly userInfo: UserInfo;
  readonly rawData: string;
  readonly signature: string;
  readonly encryptedData: string;
  readonly iv: string;
}

/** A WeChat in memory. Its users come into being by being named, and keep their openid across restarts. */
export interface SandboxWeChat {
  /** wx.login: a code for this user. `rotate` gives him a new session_key, as WeChat may do. */
  login(user: string, options?: { readonly rotate?: boolean | undefined }): string;
  getUserProfile(user: string, changes?: Partial<UserInfo>, anonymous?: boolean): UserProfile;
  /** The answer to `GET /sns/jscode2session`, an errcode included. */
  jscode2session(query: Readonly<Record<string, unknown>>): object;
}

const ANONYMOUS: UserInfo = {
  nickName: '微信用户',
  gender: 0,
  language: '',
  city: '',
  province: '',
  country: '',
  avatarUrl:
    'https://thirdwx.qlogo.cn/mmopen/vi_32/POgEwh4mIHO4nibH0KlMECNjjGxQUq24ZEaGT4poC6icRiccVGKSyXwibcPq4BWmiaIGuG1icwxaQX6grC9VemZoJ8rg/132',
  is_demote: true,
};

export function createSandboxWeChat(now: () => Date): SandboxWeChat {
  const codes: Codes = createCodes(now);
  const sessionKeys = new Map<string, string>();

  return {
    login(user, { rotate = false } = {}) {
      if (rotate) sessionKeys.delete(user);
      return codes.issue(user);
    },

    getUserProfile(user, changes = {}, anonymous = false) {
      const userInfo = anonymous ? ANONYMOUS : { ...named(user), ...changes };
      const rawData = JSON.stringify(userInfo);
      const key = sessionKeyOf(user);
      const watermark = { timestamp: Math.floor(now().getTime() / 1000), appid: SANDBOX_APPID };
      return {
        userInfo,
        rawData,
        signature: createHash('sha1')
          .update(rawData + key)
          .digest('hex'),
        ...encrypt(JSON.stringify({ ...userInfo, watermark }), key),
      };
    },

    // Our choices: grant_type is not looked at, and every user has a unionid, as in an app bound to an Open Platform account.
    jscode2session({ appid, secret, js_code: code }) {
      if (!appid) return refuse(41002, 'appid missing');
      if (!secret) return refuse(41004, 'appsecret missing,');
      if (!code) return refuse(41008, 'missing code,');
      if (appid !== SANDBOX_APPID) return refuse(40013, 'invalid appid');
      if (secret !== SANDBOX_SECRET) return refuse(40125, 'invalid appsecret,');
      const redeemed = codes.redeem(String(code));
      if (redeemed === 'invalid') return refuse(40029, 'invalid code,');
      if (redeemed === 'used') return refuse(40163, 'code been used,');
      const { user } = redeemed;
      return {
        session_key: sessionKeyOf(user),
        openid: identity('openid', user),
        unionid: identity('unionid', user),
      };
    },
  };

  /** Our choice: a key lives until wx.login is asked to rotate it, or the server ends. WeChat discloses no lifetime. */
  function sessionKeyOf(user: string): string {
    const key = sessionKeys.get(user) ?? randomBytes(16).toString('base64');
    sessionKeys.set(user, key);
    return key;
  }

  function refuse(errcode: number, errmsg: string): object {
    const seconds = Math.floor(now().getTime() / 1000).toString(16);
    const rid = `${seconds}-${randomBytes(4).toString('hex')}-${randomBytes(4).toString('hex')}`;
    return { errcode, errmsg: `${errmsg} rid: ${rid}` };
  }
}

/** An openid or unionid is a digest of the name: 28 characters, the same after a restart. */
function identity(kind: 'openid' | 'unionid', user: string): string {
  return `o${digest(`${kind}:${user}`).toString('base64url').slice(0, 27)}`;
}

/** An old-style profile, as WeChat gave before it made them anonymous. */
function named(user: string): UserInfo {
  const hash = digest(`avatar:${user}`);
  return {
    nickName: user,
    gender: 1 + ((hash[0] ?? 0) % 2),
    language: 'zh_CN',
    city: 'Guangzhou',
    province: 'Guangdong',
    country: 'China',
    avatarUrl: `https://thirdwx.qlogo.cn/mmopen/vi_32/${hash.toString('hex')}/132`,
  };
}

function digest(text: string): Buffer {
  return createHash('sha256').update(`weapp-login sandbox ${text}`).digest();
}

function encrypt(text: string, sessionKey: string): { encryptedData: string; iv: string } {
  const iv = randomBytes(16);
  const cipher = createCipheriv('aes-128-cbc', Buffer.from(sessionKey, 'base64'), iv);
  const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
  return { encryptedData: sealed.toString('base64'), iv: iv.toString('base64') };
}
