import type { RequestHandler } from 'express';
import type { AuditEvent, Audited } from '../middleware/audit.ts';
import { plainBody } from '../middleware/plain-body.ts';

/** What every route begins with, in whoever's app: no cache keeps the answer, and a sandbox answers this machine only. */
export interface FrontParts {
  readonly front: RequestHandler[];
}

/** The first guards of a route that changes something: whatever the others refuse is audited, a body that we do not read too. */
export function changes({ audited }: { readonly audited: Audited }): (event: AuditEvent) => RequestHandler[] {
  return (event) => [audited(event), plainBody];
}
