import { createHash } from 'node:crypto';
import type { Request, RequestHandler, Response } from 'express';
import { ipKeyGenerator, type Options, rateLimit } from 'express-rate-limit';
import { AppError } from '../errors.ts';
import { clientAddress } from './client-address.ts';
import { createLimitStore, type LimitStore } from './limit-store.ts';
import { hidesClients } from './proxies.ts';
import { bearerOf } from './require-login.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** A forger needs many tries; a user taps the button once or twice. */
const PHONE_DATA_PER_HOUR = 10;

/** At most so many logins a minute from one address (an IPv6 /56 counts as one). Counted in this process. */
export function limitLogins(perMinute: number, store: LimitStore = createLimitStore()): RequestHandler {
  const keyGenerator = (req: Request) => ipKeyGenerator(clientAddress(req));
  return limit({ windowMs: MINUTE_MS, limit: perMinute, keyGenerator, store }, (req) =>
    reasonOf(req, perMinute),
  );
}

/**
 * At most 10 tries an hour of one user with the data of the older getPhoneNumber button. Counted in this process. A try that WeChat's
 * or our own outage ended is not counted.
 */
export function limitPhoneData(store: LimitStore = createLimitStore()): RequestHandler {
  const reason = `more than ${PHONE_DATA_PER_HOUR} tries an hour with encryptedData of the older getPhoneNumber button`;
  const options = { windowMs: HOUR_MS, limit: PHONE_DATA_PER_HOUR, keyGenerator: userKey, store };
  const limited = limit(options, () => reason);
  return (req, res, next) => {
    if (req.body.code) return next();
    // Not on `close`: whoever leaves without waiting for the answer has had the try.
    res.once('finish', () => {
      if (isOutage(res)) void store.decrement(userKey(req));
    });
    return limited(req, res, next);
  };
}

/** The user as WeChat knows them: a row's id is a new one after the account was erased. */
function userKey(req: Request): string {
  const { appid, openid } = bearerOf(req);
  return createHash('sha256').update(`${appid} ${openid}`).digest('base64url');
}

function isOutage({ statusCode, locals: { failure } }: Response): boolean {
  return statusCode >= 500 || (failure instanceof AppError && failure.code === 'wechat_rate_limited');
}

function limit(
  options: Partial<Options> & { readonly windowMs: number },
  reason: (req: Request) => string,
): RequestHandler {
  return rateLimit({
    ...options,
    standardHeaders: 'draft-8',
    legacyHeaders: false,
    validate: { xForwardedForHeader: false }, // said below, in our own log
    handler: (req, _res, next) => {
      const resetTime = (req as { rateLimit?: { resetTime?: Date } }).rateLimit?.resetTime?.getTime();
      const wait = resetTime === undefined ? options.windowMs : resetTime - Date.now();
      const retryAfter = Math.max(1, Math.ceil(wait / 1000));
      next(new AppError('too_many_requests', { retryAfter, reason: reason(req) }));
    },
  });
}

function reasonOf(req: Request, perMinute: number): string {
  const hint = hidesClients(req)
    ? '; a proxy stands in front and TRUST_PROXY is not set or does not name it, so all clients count as one'
    : '';
  return `more than ${perMinute} logins a minute from one address (LOGIN_RATE_LIMIT)${hint}`;
}
