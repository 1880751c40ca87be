import type { Request } from 'express';
import type { User, Users } from '../db/users.ts';
import { AppError, catalogue, type Issue } from '../errors.ts';
import { noteAudit } from '../middleware/audit.ts';
import { type App, type Apps, appOf } from '../wechat/apps.ts';
import type { WeChat } from '../wechat/client.ts';
import { readProfile, type SentProfile } from '../wechat/profile.ts';
import { type SessionNeeds, startSession } from './start-session.ts';
import { type PhoneCodeDeps, phoneOfCode } from './verified-phone.ts';

export interface LoginNeeds extends SessionNeeds, PhoneCodeDeps {
  readonly apps: Apps;
  readonly users: Users;
  readonly profileStrict: boolean;
  /** Whether a name and an avatar count only where WeChat vouches for them. */
  readonly provenOnly: boolean;
}

/** What a login sends. */
export interface SentLogin extends SentProfile {
  /** Missing only where the platform says who is calling. */
  readonly code?: string;
  readonly appid?: string | undefined;
  /** Of the getPhoneNumber button. */
  readonly phoneCode?: string | undefined;
}

/** Who has been found to log in. */
interface Identity {
  readonly appid: string;
  readonly wechat: WeChat;
  readonly openid: string;
  readonly unionid: string | undefined;
  /** Empty from Cloud Run, which has none. */
  readonly sessionKey: string;
}

const OTHER_APP = {
  path: 'appid',
  message: { zh: '不是本服务器所服务的小程序', en: 'is not a mini program that this server is for' },
};

/** Logging in: the code says who it is, the profile what he looks like, the token lets him in. */
export async function logIn(needs: LoginNeeds, req: Request, sent: SentLogin) {
  const who = await identify(needs, req, sent);
  const { profileStrict: strict, provenOnly } = needs;
  const { profile, issues } = readProfile(sent, { ...who, strict, provenOnly, now: needs.now() });

  const { user, isNew } = await needs.users.recordLogin({ ...who, profile });
  noteAudit(req, { user: user.id });
  if (user.status === 'banned') throw new AppError('user_banned');

  const phoneIssues = await storePhone(needs, req, { ...who, ...user }, sent.phoneCode);
  const session = await startSession(needs, req, user, who.sessionKey);
  return { ...session, user, isNew, issues: [...issues, ...phoneIssues] };
}

async function identify({ apps }: LoginNeeds, req: Request, sent: SentLogin): Promise<Identity> {
  if (req.cloud) {
    const { openid, appid } = req.cloud;
    return { ...appFor(req, apps, appid), openid, unionid: undefined, sessionKey: '' };
  }
  const app = appFor(req, apps, sent.appid);
  return { ...app, ...(await app.wechat.code2Session(sent.code ?? '')) };
}

/** A number that cannot be had never stops a login: it is said in the reply, and in the log. */
async function storePhone(
  needs: LoginNeeds,
  req: Request,
  { id, openid, wechat }: Pick<Identity, 'openid' | 'wechat'> & Pick<User, 'id'>,
  phoneCode: string | undefined,
): Promise<Issue[]> {
  if (!phoneCode) return [];
  try {
    await needs.users.setPhone(id, await phoneOfCode(needs, wechat, { code: phoneCode, openid }));
    noteAudit(req, { phone: 'ok' });
    return [];
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    if (req.res) req.res.locals.failure = error;
    noteAudit(req, { phone: error.code });
    return [{ path: 'phoneCode', message: catalogue[error.code] }];
  }
}

/** @throws {AppError} `invalid_request` for an app that is not ours */
export function appFor(req: Request, apps: Apps, appid: string | undefined): App {
  const app = appOf(apps, appid, req.get('referer'));
  if (!app) throw new AppError('invalid_request', { issues: [OTHER_APP] });
  noteAudit(req, { appid: app.appid });
  return app;
}
