import type { Request, RequestHandler } from 'express';
import type { ParamsDictionary } from 'express-serve-static-core';
import type { z } from 'zod';
import { validate } from './validate.ts';

/** Who WeChat Cloud Run says is calling. */
export interface CloudIdentity {
  readonly openid: string;
  readonly unionid: string | undefined;
  readonly appid: string | undefined;
}

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
 * write them too: see docs/cloud-run.md.
 * @see https://developers.weixin.qq.com/miniprogram/dev/wxcloudservice/wxcloudrun/src/development/call/mini.html
 */
export function cloudIdentity(trusted: boolean): RequestHandler {
  return (req, _res, next) => {
    const cloud = trusted ? readHeaders(req) : undefined;
    if (cloud) req.cloud = cloud;
    next();
  };
}

/** Under resource sharing the plain headers name the owner of the environment, the FROM ones who calls. */
function readHeaders(req: Request): CloudIdentity | undefined {
  const from = req.get('x-wx-from-appid') ? 'from-' : '';
  const [openid, unionid, appid] = ['openid', 'unionid', 'appid'].map((name) =>
    req.get(`x-wx-${from}${name}`),
  );
  return openid && /^[\w-]{1,64}$/.test(openid)
    ? { openid, unionid: unionid || undefined, appid: appid || undefined }
    : undefined;
}

/** Validates a login: who is known by the platform needs no code. */
export function validateLogin<Body>(
  withCode: z.ZodType<Body>,
  withoutCode: z.ZodType<Body>,
): RequestHandler<ParamsDictionary, unknown, Body> {
  const [byCode, byHeader] = [validate(withCode), validate(withoutCode)];
  return (req, res, next) => (req.cloud ? byHeader : byCode)(req, res, next);
}
