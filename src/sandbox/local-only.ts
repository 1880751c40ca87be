import type { Request, RequestHandler } from 'express';
import { AppError } from '../errors.ts';
import { isLoopback } from '../loopback.ts';
import { proxyOf } from './came-through-proxy.ts';
import { hostOf, isLocal } from './hosts.ts';

/** WeChat's own pages, which only a mini program has: in DevTools a browser sends its requests, and calls them cross-site. */
const MINI_PROGRAM = 'https://servicewechat.com/';

/** A released one: its version counts from 1. 0 and `devtools` are of development, trial and review. */
const RELEASED = /^https:\/\/servicewechat\.com\/[^/]+\/0*[1-9]\d*(?:\/|$)/;

/** What a page of any site may show: `/avatars/<name>`, `/cdn/<host>/<path>`. */
const PICTURE = /\/(?:avatars|cdn)\/[^/]/;

export interface LocalOnlyOptions {
  /** A host that is ours all the same, also behind a proxy. */
  readonly publicHost: string | undefined;
  /** Whether a page on another port of this machine may ask: that of a development server may. */
  readonly otherPorts: boolean;
}

/**
 * Lets in who comes straight to an IP address or a local name, and no page of another site. A sandbox lets anyone be anyone;
 * without this a server that became one by mistake would let in the users of the proxy in front of it, and a page that a
 * developer has open elsewhere could use theirs, as a form or under a name that it has led to 127.0.0.1 (DNS rebinding).
 */
export function localOnly(options: LocalOnlyOptions): RequestHandler {
  return (req, _res, next) => {
    const reason = reasonToRefuse(req, options);
    if (reason !== undefined) throw new AppError('sandbox_is_local', { reason });
    next();
  };
}

function reasonToRefuse(req: Request, options: LocalOnlyOptions): string | undefined {
  if (RELEASED.test(req.get('referer')?.slice(0, 200) ?? ''))
    return 'a released mini program is talking to a sandbox: set WX_APPID and WX_SECRET, or see which .env this server read';
  const host = hostOf(req.get('host') ?? '');
  if (host !== options.publicHost) {
    if (!isLocal(host)) return `came to the host ${host.slice(0, 100)}`;
    const proxy = proxyOf(req, host);
    if (proxy) return `came through a proxy (${proxy}), to a host that is not that of PUBLIC_URL`;
  }
  const mayAsk = isPictureRequest(req) || isOurPage(req, host, options) || !isOfAnotherSite(req);
  return mayAsk ? undefined : 'came from a page of another site';
}

function isPictureRequest({ method, originalUrl }: Request): boolean {
  return /^(?:GET|HEAD)$/.test(method) && PICTURE.test(originalUrl.split('?', 1)[0] ?? '');
}

/** Whether the page that asks is a mini program's, of the public host, or on this machine as we are. No page can choose what it is called here. */
function isOurPage(req: Request, host: string, { publicHost, otherPorts }: LocalOnlyOptions): boolean {
  const referer = req.get('referer') ?? '';
  if (referer.startsWith(MINI_PROGRAM)) return true;
  const page = hostOf(authorityOf(req.get('origin') ?? referer));
  if (page === '') return false;
  return page === publicHost || (otherPorts && page === host && isLoopback(host));
}

/** Browsers say so; no other client does. A link to here is none of it; what a form would send is. */
function isOfAnotherSite(req: Request): boolean {
  const site = req.get('sec-fetch-site');
  const isLink =
    req.method === 'GET' && req.get('sec-fetch-mode') === 'navigate' && !req.originalUrl.includes('?');
  if (/^(?:cross-site|same-site)$/.test(site ?? '') && !isLink) return true;
  const origin = req.get('origin');
  if (origin === undefined) return false;
  const authority = authorityOf(origin);
  // Older browsers say only this, and every browser where the address is neither https nor loopback.
  if (site === undefined) return authority !== req.get('host')?.toLowerCase();
  // The page's own origin, but a proxy changed the Host: that of a development server may.
  return authority !== '' && !isLocal(hostOf(authority));
}

/** `name:port` of an Origin or a Referer; empty for one that names no site. */
function authorityOf(url: string): string {
  return /^https?:\/\/([^/]+)/i.exec(url)?.[1]?.toLowerCase() ?? '';
}
