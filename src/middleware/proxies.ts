import type { Request, RequestHandler } from 'express';
import type { Logger } from '../log.ts';

const CLIENT_HEADERS = ['x-forwarded-for', 'forwarded', 'x-real-ip'];

/** Whether a proxy says who its client is, and nobody believes it: all users then have the proxy's address. */
export function hidesClients(req: Request): boolean {
  return req.app.get('trust proxy') === false && CLIENT_HEADERS.some((name) => name in req.headers);
}

/** Says once in the log that all users share one limit, at the first request that shows it. */
export function warnOfHiddenClients(log: Logger): RequestHandler {
  let isSaid = false;
  return (req, _res, next) => {
    if (!isSaid && hidesClients(req)) {
      isSaid = true;
      log.warn(
        'a request came through a proxy, and TRUST_PROXY is not set: all users behind it share one limit on logins. ' +
          'Set TRUST_PROXY to the number of proxies in front of this server, or to their addresses; to 0 if there is none and clients forge the header',
      );
    }
    next();
  };
}
