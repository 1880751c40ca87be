import { BlockList, isIP } from 'node:net';
import { parseAddress } from '../ip-address.ts';

/** Names that nobody can have in the public DNS: reserved (RFC 2606, 6761, 6762, 8375, ICANN's .internal), or, as those of containers, without a dot. */
const LOCAL_NAME = /^(?:[^.]+|.+\.(?:localhost|local|internal|test|home\.arpa))$/i;

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

/** The host of `name:port`: a name in lower case, or an address in its one spelling, without brackets. */
export function hostOf(authority: string): string {
  const host = authority.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1');
  return parseAddress(host) ?? host.toLowerCase();
}

/** Whether strangers cannot own it: an IP address or a local name. */
export function isLocal(host: string): boolean {
  return isIP(host) !== 0 || LOCAL_NAME.test(host);
}

/** Whether it is an IP address that strangers can reach. */
export function isPublicAddress(host: string): boolean {
  const family = isIP(host);
  return family !== 0 && !PRIVATE.check(host, family === 4 ? 'ipv4' : 'ipv6');
}

/** The host of PUBLIC_URL, if strangers can reach it. A local one says nothing about a proxy in front. */
export function publicHostOf(publicUrl: string | undefined): string | undefined {
  if (publicUrl === undefined) return undefined;
  const host = hostOf(new URL(publicUrl).host);
  return !isLocal(host) || isPublicAddress(host) ? host : undefined;
}
