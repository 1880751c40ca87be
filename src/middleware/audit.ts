import { randomUUID } from 'node:crypto';
import type { Request, RequestHandler } from 'express';
import { placeOf } from '../auth/device.ts';
import type { Logger } from '../log.ts';
import type { UserId } from '../user-id.ts';
import { clientAddress } from './client-address.ts';
import { toAppError } from './handle-errors.ts';

/** What is audited of requests. */
export type AuditEvent =
  | 'login'
  | 'logout'
  | 'session_end'
  | 'phone'
  | 'profile'
  | 'avatar'
  | 'erasure'
  | 'revocation';

/** Whom a request is about, as far as that is known: never an openid, a name or a number. */
export interface AuditFacts {
  /** The row's id. */
  readonly user?: UserId;
  readonly appid?: string;
  /** What came of the phone number that a login brought along. */
  readonly phone?: string;
}

declare global {
  namespace Express {
    interface Locals {
      /** For the audit line, whatever becomes of the request. */
      audit?: AuditFacts;
    }
  }
}

/** A guard, the first of its route's line, so that what the others refuse is audited too: one line per request. */
export type Audited = (event: AuditEvent) => RequestHandler;

/** Makes the guard. It writes when the request is answered, by whomever, also where the client has left meanwhile. */
export function createAudit(log: Logger): Audited {
  return (event) => (req, res, next) => {
    const { end } = res;
    res.end = ((...args: Parameters<typeof end>) => {
      res.end = end;
      const refused = () => toAppError(res.locals.failure).code;
      writeAudit(log, req, event, res.statusCode < 400 ? 'ok' : refused());
      return Reflect.apply(end, res, args);
    }) as typeof end;
    next();
  };
}

/** Writes a line: what was done, to whom, from which network, and what came of it (`ok`, or a code of the catalogue). */
export function writeAudit(log: Logger, req: Request, event: AuditEvent, result: string): void {
  // A host may have no logRequests.
  req.id ??= randomUUID();
  const from = placeOf(clientAddress(req));
  log.info({ audit: event, ...req.res?.locals.audit, from, result, requestId: req.id }, 'audit');
}

/** Adds what has become known. */
export function noteAudit(req: Request, facts: AuditFacts): void {
  if (req.res) req.res.locals.audit = { ...req.res.locals.audit, ...facts };
}
