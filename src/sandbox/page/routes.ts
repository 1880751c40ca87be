import { type Response, Router } from 'express';
import { textFor } from '../../language.ts';
import { page } from './html.ts';
import { script } from './script.ts';
import { style } from './style.ts';

/** Stricter than helmet's, and without its upgrade to https, which a sandbox on another machine does not have. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** The control page and what it loads, from strings: nothing has to be copied into a build. */
export function pageRoutes(): Router {
  const routes = Router();
  routes.get('/', (req, res) => {
    res.vary('Accept-Language');
    send(
      res,
      'html',
      page(req.baseUrl, (zh, en) => textFor(req, { zh, en })),
    );
  });
  routes.get('/page.js', (_req, res) => send(res, 'js', script));
  routes.get('/page.css', (_req, res) => send(res, 'css', style));
  return routes;
}

function send(res: Response, type: string, text: string): void {
  res.set('Content-Security-Policy', POLICY).type(type).send(text);
}
