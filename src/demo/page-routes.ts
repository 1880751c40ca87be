import { fileURLToPath } from 'node:url';
import express, { type RequestHandler, Router } from 'express';
import { textFor } from '../language.ts';
import { page } from './page.ts';

/** What `npm run build` makes of preview/ and miniprogram/: beside the compiled server, whichever of the two runs. */
const BUILT = fileURLToPath(new URL('../../dist/preview', import.meta.url));

/** As strict as the control page's; pictures may be the user's own, and the page has the phone in a frame. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' blob:",
  "connect-src 'self'",
  "frame-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'self'",
].join('; ');

const policy: RequestHandler = (_req, res, next) => {
  res.set('Content-Security-Policy', POLICY);
  next();
};

/** The page that a newcomer sees, and the phone in it. */
export function pageRoutes(): Router {
  const routes = Router();
  routes.get('/', policy, (req, res) => {
    res.vary('Accept-Language');
    res.type('html').send(page((zh, en) => textFor(req, { zh, en })));
  });
  routes.use(
    '/sandbox/demo',
    policy,
    express.static(BUILT, { index: false, cacheControl: false, acceptRanges: false }),
  );
  return routes;
}
