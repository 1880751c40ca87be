import type { Request, RequestHandler } from 'express';
import { ipKeyGenerator, rateLimit } from 'express-rate-limit';
import { AppError } from '../errors.ts';
import { clientAddress } from './client-address.ts';
import { createLimitStore, type LimitStore } from './limit-store.ts';
import { hidesClients } from './proxies.ts';

/** At most so many logins a minute from one address (an IPv6 /56 counts as one). Counted in this process. */
export function limitLogins(perMinute: number, store: LimitStore = createLimitStore()): RequestHandler {
  return rateLimit({
    windowMs: 60_000,
    limit: perMinute,
    store,
    keyGenerator: (req) => ipKeyGenerator(clientAddress(req)),
    standardHeaders: 'draft-8',
    legacyHeaders: false,
    validate: { xForwardedForHeader: false }, // said below, in our own log
    handler: (req, _res, next) => {
      const resetTime = (req as { rateLimit?: { resetTime?: Date } }).rateLimit?.resetTime?.getTime();
      const retryAfter = resetTime ? Math.max(1, Math.ceil((resetTime - Date.now()) / 1000)) : 60;
      next(new AppError('too_many_requests', { retryAfter, reason: reasonOf(req, perMinute) }));
    },
  });
}

function reasonOf(req: Request, perMinute: number): string {
  const hint = hidesClients(req)
    ? '; a proxy stands in front and TRUST_PROXY is not set, so all clients count as one'
    : '';
  return `more than ${perMinute} logins a minute from one address (LOGIN_RATE_LIMIT)${hint}`;
}
