import type { Request } from 'express';
import type { Users } from '../db/users.ts';
import { AppError } from '../errors.ts';
import { type App, type Apps, appOf } from '../wechat/apps.ts';
import { readProfile, type SentProfile } from '../wechat/profile.ts';
import { type SessionNeeds, startSession } from './start-session.ts';

export interface LoginNeeds extends SessionNeeds {
  readonly apps: Apps;
  readonly users: Users;
  readonly profileStrict: boolean;
}

/** What a login sends. */
export interface SentLogin extends SentProfile {
  /** Missing only where the platform says who is calling. */
  readonly code?: string;
  readonly appid?: string | undefined;
}

/** Who has been found to log in. */
interface Identity {
  readonly appid: string;
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
  const { profile, issues } = readProfile(sent, { ...who, strict: needs.profileStrict });

  const { user, isNew } = await needs.users.recordLogin({ ...who, profile });
  if (user.status === 'banned') throw new AppError('user_banned');

  const session = await startSession(needs, req, user, who.sessionKey);
  return { ...session, user, isNew, issues };
}

async function identify({ apps }: LoginNeeds, req: Request, sent: SentLogin): Promise<Identity> {
  if (req.cloud) {
    const { openid, unionid } = req.cloud;
    return { appid: appFor(req, apps, req.cloud.appid).appid, openid, unionid, sessionKey: '' };
  }
  const { appid, wechat } = appFor(req, apps, sent.appid);
  return { appid, ...(await wechat.code2Session(sent.code ?? '')) };
}

/** @throws {AppError} `invalid_request` for an app that is not ours */
export function appFor(req: Request, apps: Apps, appid: string | undefined): App {
  const app = appOf(apps, appid, req.get('referer'));
  if (!app) throw new AppError('invalid_request', { issues: [OTHER_APP] });
  return app;
}
