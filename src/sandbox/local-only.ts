import { isIP } from 'node:net';
import type { Request, RequestHandler } from 'express';
import { AppError } from '../errors.ts';
import { proxyOf } from './came-through-proxy.ts';

/** Names that nobody can have in the public DNS: reserved (RFC 2606, 6761, 6762, 8375, ICANN's .internal), or, as those of containers, without a dot. */
const LOCAL_NAME = /^(?:[^.]+|.+\.(?:localhost|local|internal|test|home\.arpa))$/i;

/** WeChat's own pages, which only a mini program has: in DevTools a browser sends its requests, and calls them cross-site. */
const MINI_PROGRAM = 'https://servicewechat.com/';

/**
 * Lets in who comes straight to an IP address or a local name, and no page of another site. A sandbox lets anyone be anyone;
 * without this a server that became one by mistake would let in the users of the proxy in front of it, and a page that a
 * developer has open elsewhere could use theirs, as a form or under a name that it has led to 127.0.0.1 (DNS rebinding).
 * @param publicHost a host that is ours all the same, also behind a proxy
 */
export function localOnly(publicHost: string | undefined): RequestHandler {
  return (req, _res, next) => {
    const reason = reasonToRefuse(req, publicHost);
    if (reason !== undefined) throw new AppError('sandbox_is_local', { reason });
    next();
  };
}

function reasonToRefuse(req: Request, publicHost: string | undefined): string | undefined {
  const host = hostOf(req.get('host') ?? '');
  if (host !== publicHost) {
    if (!isLocal(host)) return `came to the host ${host.slice(0, 100)}`;
    const proxy = proxyOf(req, host);
    if (proxy) return `came through a proxy (${proxy}), to a host that is not that of PUBLIC_URL`;
  }
  return isOfAnotherSite(req, publicHost) ? 'came from a page of another site' : undefined;
}

function isLocal(host: string): boolean {
  return isIP(host) !== 0 || LOCAL_NAME.test(host);
}

/** Without the port, and the brackets of IPv6. */
function hostOf(authority: string): string {
  return authority
    .replace(/:\d+$/, '')
    .replace(/^\[(.*)\]$/, '$1')
    .toLowerCase();
}

/** Browsers say so; no other client does. A link to here is none of it; what a form would send is. */
function isOfAnotherSite(req: Request, publicHost: string | undefined): boolean {
  if (req.get('referer')?.startsWith(MINI_PROGRAM)) return false;
  const site = req.get('sec-fetch-site');
  const isLink =
    req.method === 'GET' && req.get('sec-fetch-mode') === 'navigate' && !req.originalUrl.includes('?');
  if (/^(?:cross-site|same-site)$/.test(site ?? '') && !isLink) return true;
  const origin = req.get('origin')?.toLowerCase();
  if (origin === undefined) return false;
  const authority = /^https?:\/\/([^/]+)$/.exec(origin)?.[1] ?? '';
  if (hostOf(authority) === publicHost) return false;
  // Older browsers say only this, and every browser where the address is neither https nor loopback.
  if (site === undefined) return authority !== req.get('host')?.toLowerCase();
  // The page's own origin, but a proxy changed the Host: that of a development server may.
  return authority !== '' && !isLocal(hostOf(authority));
}
