import type { Request, RequestHandler } from 'express';
import type { ParamsDictionary } from 'express-serve-static-core';
import type { z } from 'zod';
import { AppError } from '../errors.ts';
import type { Text } from '../language.ts';
import { validate } from './validate.ts';

/** Who WeChat Cloud Run says is calling. */
export interface CloudIdentity {
  readonly openid: string;
  readonly appid: string;
}

/** The pair that names who calls: of one mini program, or under resource sharing. */
export type CloudHeaders = 'X-WX' | 'X-WX-FROM';

declare global {
  namespace Express {
    interface Request {
      /** Set by cloudIdentity, where its headers are trusted. */
      cloud?: CloudIdentity;
    }
  }
}

/**
 * Takes the caller's identity from the headers that WeChat Cloud Run adds. Whoever reaches the server past its gateway can
 * write them too: see docs/cloud-run.md. Only the trusted pair is read, since the gateway may pass on the other as the client sent it.
 * @throws {AppError} `invalid_request` that names the header
 * @see https://developers.weixin.qq.com/miniprogram/dev/wxcloudservice/wxcloudrun/src/development/call/mini.html
 */
export function cloudIdentity(trusted: CloudHeaders | undefined, appids: readonly string[]): RequestHandler {
  return (req, _res, next) => {
    const cloud = trusted && readHeaders(req, trusted, appids);
    if (cloud) req.cloud = cloud;
    next();
  };
}

/** WeChat's have 28 characters, but promise no length. */
const ID = /^[A-Za-z0-9_-]{20,64}$/;

const NOT_SAID: Text = { zh: '缺少此请求头', en: 'is missing' };
const NOT_AN_ID: Text = { zh: '格式不正确', en: 'does not have the form of an openid or a unionid' };
const NOT_OURS: Text = {
  zh: '不是本服务器所服务的小程序',
  en: 'is not a mini program that this server is for',
};

function readHeaders(req: Request, pair: CloudHeaders, appids: readonly string[]): CloudIdentity | undefined {
  const [openid, unionid, appid] = ['OPENID', 'UNIONID', 'APPID'].map((name) => req.get(`${pair}-${name}`));
  if (!openid && !unionid && !appid) return undefined;
  const refuse = (name: string, message: Text) =>
    new AppError('invalid_request', { issues: [{ path: `${pair}-${name}`, message }] });
  if (!openid) throw refuse('OPENID', NOT_SAID);
  if (!ID.test(openid)) throw refuse('OPENID', NOT_AN_ID);
  if (!appid) throw refuse('APPID', NOT_SAID);
  if (!appids.includes(appid)) throw refuse('APPID', NOT_OURS);
  // A unionid is checked and not used: the gateway sets it for apps of an Open Platform account only, so a client's own may come through.
  if (unionid && !ID.test(unionid)) throw refuse('UNIONID', NOT_AN_ID);
  return { openid, appid };
}

/** Validates a login: who is known by the platform needs no code. */
export function validateLogin<Body>(
  withCode: z.ZodType<Body>,
  withoutCode: z.ZodType<Body>,
): RequestHandler<ParamsDictionary, unknown, Body> {
  const [byCode, byHeader] = [validate(withCode), validate(withoutCode)];
  return (req, res, next) => (req.cloud ? byHeader : byCode)(req, res, next);
}
