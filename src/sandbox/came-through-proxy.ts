import { BlockList, isIP } from 'node:net';
import type { Request } from 'express';
import { parseAddress } from '../ip-address.ts';
import { isLoopback } from '../loopback.ts';

/** What reverse proxies, load balancers, CDNs and tunnels add to a request. */
const ADDED =
  /^(?:forwarded|via|cdn-loop|x-forwarded.*|x-original-.+|x-envoy-.+|x-amzn-trace-id|x-cloud-trace-context|cf-.+|(?:.+-)?(?:client|real|connecting|remote)-?ip)$/;

const PRIVATE = new BlockList();
for (const [network, prefix] of [
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
] as const)
  PRIVATE.addSubnet(network, prefix, 'ipv4');
PRIVATE.addAddress('::1', 'ipv6');
PRIVATE.addSubnet('fc00::', 7, 'ipv6');
PRIVATE.addSubnet('fe80::', 10, 'ipv6');

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
  const family = isIP(host);
  const isPublic = family !== 0 && !PRIVATE.check(host, family === 4 ? 'ipv4' : 'ipv6');
  const isOnLoopback = isLoopback(parseAddress(req.socket.localAddress ?? '') ?? '');
  return isPublic && isOnLoopback ? `a public address led to ${req.socket.localAddress}` : undefined;
}
