import type { ErrorRequestHandler, Request, RequestHandler } from 'express';
import type { ParamsDictionary } from 'express-serve-static-core';
import { AppError, catalogue, type ErrorCode } from '../errors.ts';
import { sendJson } from '../json.ts';
import { textFor } from '../language.ts';
import { type LoginNeeds, logIn } from './log-in.ts';
import type { CodeRequest } from './requests.ts';

const WELCOME = { zh: '登录成功', en: 'Logged in' };
const REFUSED_BY_WECHAT: readonly ErrorCode[] = [
  'login_code_expected',
  'wechat_code_invalid',
  'wechat_code_used',
  'wechat_user_blocked',
];

/** The login of the Koa tutorial: `{code}` → `{code: 0, msg, data: {token}}`. Its client sends the token in a `token` header. */
export function wechatLogin(needs: LoginNeeds): RequestHandler<ParamsDictionary, unknown, CodeRequest> {
  return async (req, res) => {
    const { token } = await logIn(needs, req as Request, req.body);
    sendJson(res, { code: 0, msg: textFor(req, WELCOME), data: { token } });
  };
}

/** What the Koa tutorial answers when WeChat refuses the code: `{code: 10001, msg}`. Its client knows no other failure. */
export const refuseAsKoa: ErrorRequestHandler = (error, req, res, next) => {
  if (!(error instanceof AppError) || !REFUSED_BY_WECHAT.includes(error.code)) return next(error);
  res.locals.failure = error;
  const { status, retry, ...text } = catalogue[error.code];
  res.set(error.headers);
  return sendJson(res.status(status), { code: 10_001, msg: textFor(req, text), retry, requestId: req.id });
};
