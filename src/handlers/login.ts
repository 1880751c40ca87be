import type { RequestHandler } from 'express';
import type { ParamsDictionary } from 'express-serve-static-core';
import type { Tokens } from '../auth/tokens.ts';
import type { Users } from '../db/users.ts';
import { AppError } from '../errors.ts';
import { textFor } from '../language.ts';
import type { WeChat } from '../wechat/client.ts';
import { readProfile } from '../wechat/profile.ts';
import { reply, toPublic } from './reply.ts';
import type { LoginRequest } from './requests.ts';

interface Needs {
  readonly wechat: WeChat;
  readonly users: Users;
  readonly tokens: Tokens;
  readonly appid: string;
  readonly profileStrict: boolean;
}

const WELCOME = { zh: 'WX 授权成功', en: 'Logged in with WeChat' };

/** The login button: the code says who it is, the profile what he looks like, the token lets him in. */
export function login(needs: Needs): RequestHandler<ParamsDictionary, unknown, LoginRequest> {
  const { wechat, users, tokens, appid, profileStrict: strict } = needs;
  return async (req, res) => {
    const { code, ...sent } = req.body;
    const { openid, unionid, sessionKey } = await wechat.code2Session(code);
    const { profile, issues } = readProfile(sent, { openid, sessionKey, appid, strict });

    const { user, isNew } = await users.recordLogin({ appid, openid, unionid, profile });
    if (user.status === 'banned') throw new AppError('user_banned');

    const { token, expiresAt } = tokens.issue(user);
    reply(req, res, WELCOME, {
      token: `Bearer ${token}`,
      expiresAt: expiresAt.toISOString(),
      isNew,
      user: toPublic(user),
      // What of the profile was left out, and why: a login never fails for it outside strict mode.
      ...(issues.length > 0 && {
        issues: issues.map(({ path, message }) => ({ path, message: textFor(req, message) })),
      }),
    });
  };
}
