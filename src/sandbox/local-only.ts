import { isIP } from 'node:net';
import type { Request, RequestHandler } from 'express';
import { AppError } from '../errors.ts';

/** Names that nobody can have in the public DNS: reserved (RFC 2606, 6761, 6762, 8375, ICANN's .internal), or, as those of containers, without a dot. */
const LOCAL_NAME = /^(?:[^.]+|.+\.(?:localhost|local|internal|test|home\.arpa))$/i;

/**
 * Lets in who comes by an IP address or a local name, and no page of another site. A sandbox lets anyone be anyone; without this
 * a page that a developer has open elsewhere could use his, as a form or under a name that it has led to 127.0.0.1 (DNS rebinding).
 * @param publicHost a host that is ours all the same
 */
export function localOnly(publicHost: string | undefined): RequestHandler {
  return (req, _res, next) => {
    const host = hostOf(req);
    if (host !== publicHost && !isIP(host) && !LOCAL_NAME.test(host))
      throw new AppError('sandbox_is_local', { reason: `came to the host ${host}` });
    if (isOfAnotherSite(req))
      throw new AppError('sandbox_is_local', { reason: 'came from a page of another site' });
    next();
  };
}

/** Without the port, and the brackets of IPv6. */
function hostOf(req: Request): string {
  const host = req.get('host') ?? '';
  return host
    .replace(/:\d+$/, '')
    .replace(/^\[(.*)\]$/, '$1')
    .toLowerCase();
}

/** Browsers say so; no other client does. A link to here is none of it. */
function isOfAnotherSite(req: Request): boolean {
  const isLink = req.method === 'GET' && req.get('sec-fetch-mode') === 'navigate';
  return /^(?:cross-site|same-site)$/.test(req.get('sec-fetch-site') ?? '') && !isLink;
}
