import type { Request, RequestHandler } from 'express';
import type { Logger } from '../log.ts';

const FORWARDED_FOR = 'x-forwarded-for';
const CLIENT_HEADERS = [FORWARDED_FOR, 'forwarded', 'x-real-ip'];

/** Whether a proxy says who its client is, and it is not believed: all users then have the proxy's address. */
export function hidesClients(req: Request): boolean {
  if (req.app.get('trust proxy') === 0) return false; // said on purpose: there is none
  const isTrusted = req.app.get('trust proxy fn') as (address: string | undefined, hop: number) => boolean;
  const isRead = FORWARDED_FOR in req.headers && isTrusted(req.socket.remoteAddress, 0);
  return !isRead && CLIENT_HEADERS.some((name) => name in req.headers);
}

/** Says once in the log that all users share one limit, at the first request that shows it. */
export function warnOfHiddenClients(log: Logger): RequestHandler {
  let isSaid = false;
  return (req, _res, next) => {
    if (!isSaid && hidesClients(req)) {
      isSaid = true;
      log.warn(
        { proxy: req.socket.remoteAddress },
        'a request came through a proxy that is not believed: TRUST_PROXY is not set, does not name it, or it sends no X-Forwarded-For. ' +
          'All users behind it share one limit on logins. Set TRUST_PROXY to the number of proxies in front of this server, or to their addresses; ' +
          'to 0 if there is none and clients forge the header',
      );
    }
    next();
  };
}
