import type { RequestHandler } from 'express';

/** No cache keeps the answer, unless the route says otherwise: most of what is answered is about one person. */
export const noStore: RequestHandler = (_req, res, next) => {
  res.setHeader('Cache-Control', 'no-store');
  next();
};
