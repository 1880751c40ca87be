import type { Request } from 'express';
import { parseAddress } from '../ip-address.ts';
import { isLoopback } from '../loopback.ts';
import { isPublicAddress } from './hosts.ts';

/** What reverse proxies, load balancers, CDNs and tunnels add to a request. */
const ADDED =
  /^(?:forwarded|via|cdn-loop|x-forwarded.*|x-original-.+|x-envoy-.+|x-amzn-trace-id|x-cloud-trace-context|cf-.+|(?:.+-)?(?:client|real|connecting|remote)-?ip)$/;

/**
 * By what a request shows that it came through a proxy, if it does.
 * @param host the request's, without a port
 */
export function proxyOf(req: Request, host: string): string | undefined {
  // What nginx speaks to its backends unless told otherwise, and no browser and no mini program.
  if (req.httpVersion === '1.0') return 'HTTP/1.0';
  const added = Object.keys(req.headers).find((name) => ADDED.test(name));
  if (added) return added;
  // Nobody can reach loopback by a public address, but who forwards connections to it.
  const isOnLoopback = isLoopback(parseAddress(req.socket.localAddress ?? '') ?? '');
  return isPublicAddress(host) && isOnLoopback
    ? `a public address led to ${req.socket.localAddress}`
    : undefined;
}
