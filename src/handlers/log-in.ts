import type { Request } from 'express';
import type { Users } from '../db/users.ts';
import { AppError } from '../errors.ts';
import type { WeChat } from '../wechat/client.ts';
import { readProfile, type SentProfile } from '../wechat/profile.ts';
import { type SessionNeeds, startSession } from './start-session.ts';

export interface LoginNeeds extends SessionNeeds {
  readonly wechat: WeChat;
  readonly users: Users;
  readonly appid: string;
  readonly profileStrict: boolean;
}

/** Logging in: the code says who it is, the profile what he looks like, the token lets him in. */
export async function logIn(needs: LoginNeeds, req: Request, code: string, sent: SentProfile = {}) {
  const { wechat, users, appid, profileStrict: strict } = needs;
  const { openid, unionid, sessionKey } = await wechat.code2Session(code);
  const { profile, issues } = readProfile(sent, { openid, sessionKey, appid, strict });

  const { user, isNew } = await users.recordLogin({ appid, openid, unionid, profile });
  if (user.status === 'banned') throw new AppError('user_banned');

  const session = await startSession(needs, req, user, sessionKey);
  return { ...session, user, isNew, issues };
}
