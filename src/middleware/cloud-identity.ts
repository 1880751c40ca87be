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
 * write them too: see docs/cloud-run.md. A request without the trusted OPENID is a login by code.
 * @throws {AppError} `invalid_request` that names the header
 * @see https://developers.weixin.qq.com/miniprogram/dev/wxcloudservice/wxcloudrun/src/development/call/mini.html
 */
export function cloudIdentity(trusted: CloudHeaders | undefined, appids: readonly string[]): RequestHandler {
  return (req, _res, next) => {
    if (trusted && req.get(`${trusted}-OPENID`)) req.cloud = readHeaders(req, trusted, appids);
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
const SHARED: Text = {
  zh: '资源复用环境中才有此请求头，服务器的设置与之不符',
  en: "is a header of resource sharing, which is not what the server's settings say",
};
const SET_FROM =
  'under resource sharing X-WX-OPENID names the owner of the environment: set WX_TRUST_CLOUD_FROM_HEADERS=true in place of WX_TRUST_CLOUD_HEADERS';

const FROM = /^x-wx-from-/;
/** No name of WeChat's is longer. */
const LONGEST_NAME = 40;

function readHeaders(req: Request, pair: CloudHeaders, appids: readonly string[]): CloudIdentity {
  const [openid = '', unionid, appid] = ['OPENID', 'UNIONID', 'APPID'].map((name) =>
    req.get(`${pair}-${name}`),
  );
  const refuse = (path: string, message: Text, reason?: string) =>
    new AppError('invalid_request', { issues: [{ path, message }], ...(reason && { reason }) });
  // To read the other pair here would let the same person in as another user than before.
  const shared = pair === 'X-WX' && Object.keys(req.headers).find((name) => FROM.test(name) && req.get(name));
  if (shared) throw refuse(shared.slice(0, LONGEST_NAME).toUpperCase(), SHARED, SET_FROM);
  if (!ID.test(openid)) throw refuse(`${pair}-OPENID`, NOT_AN_ID);
  if (!appid) throw refuse(`${pair}-APPID`, NOT_SAID);
  if (!appids.includes(appid)) throw refuse(`${pair}-APPID`, NOT_OURS);
  // A unionid is checked and not used: the gateway sets it for apps of an Open Platform account only, so a client's own may come through.
  if (unionid && !ID.test(unionid)) throw refuse(`${pair}-UNIONID`, NOT_AN_ID);
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
