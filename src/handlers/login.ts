import type { Request, RequestHandler } from 'express';
import type { ParamsDictionary } from 'express-serve-static-core';
import { textFor } from '../language.ts';
import { type LoginNeeds, logIn } from './log-in.ts';
import { reply, toPublic } from './reply.ts';
import type { LoginRequest } from './requests.ts';

const WELCOME = { zh: 'WX 授权成功', en: 'Logged in with WeChat' };

/** The login button of the Express tutorial. */
export function login(needs: LoginNeeds): RequestHandler<ParamsDictionary, unknown, LoginRequest> {
  return async (req, res) => {
    const { token, expiresAt, isNew, user, issues } = await logIn(needs, req as Request, req.body);
    reply(req, res, WELCOME, {
      token: `Bearer ${token}`,
      expiresAt,
      isNew,
      user: toPublic(user),
      // What of the profile was left out, and why: a login never fails for it outside strict mode.
      ...(issues.length > 0 && {
        issues: issues.map(({ path, message }) => ({ path, message: textFor(req, message) })),
      }),
    });
  };
}
