import type { RequestHandler } from 'express';

/** What every route begins with, in whoever's app: no cache keeps the answer, and a sandbox answers this machine only. */
export interface FrontParts {
  readonly front: RequestHandler[];
}
