import { BlockList, isIP, SocketAddress } from 'node:net';
import express from 'express';
import { parseAddress } from './ip-address.ts';

const NAMES = ['loopback', 'linklocal', 'uniquelocal'];
const MOST_HOPS = 10;
/** A wider network is no network of proxies: whoever is in it could claim any address. */
const WIDEST = { 4: 8, 6: 16 } as const;
/** IPv6 networks that stand for IPv4, and the bits in front of the IPv4 address. @see https://www.rfc-editor.org/rfc/rfc6890 */
const STAND_FOR_IPV4 = [
  { network: '::ffff:0:0', prefix: 96, inFront: 96 }, // mapped
  { network: '::', prefix: 96, inFront: 96 }, // compatible
  { network: '64:ff9b::', prefix: 96, inFront: 96 }, // NAT64
  { network: '64:ff9b:1::', prefix: 48, inFront: 96 }, // NAT64 of an operator
  { network: '2002::', prefix: 16, inFront: 16 }, // 6to4
  { network: '2001::', prefix: 32, inFront: 32 }, // Teredo
];
const FORM = `must be the number of proxies in front, or their addresses (${NAMES.join(', ')}, an IP or a CIDR)`;

/** What Express takes as `trust proxy`. */
export type TrustProxy = false | number | ((address: string | undefined, hop: number) => boolean);

/** Makes it of what TRUST_PROXY says. Some proxies append their client with its port, which Express does not read by itself. */
export function compileTrustProxy(proxies: false | number | readonly string[]): TrustProxy {
  if (proxies === false || typeof proxies === 'number') return proxies;
  const isTrusted: Exclude<TrustProxy, false | number> = express()
    .set('trust proxy', [...proxies])
    .get('trust proxy fn');
  return (address, hop) => isTrusted(parseAddress(address ?? '') ?? address, hop);
}

/**
 * How many proxies to believe, or which: names of Express's, addresses and networks.
 * @throws {Error} saying what is wrong, to go behind the setting's name
 */
export function parseTrustProxy(text: string): number | string[] {
  if (/^\d+$/.test(text)) {
    if (Number(text) <= MOST_HOPS) return Number(text);
    throw new Error(
      `counts more than ${MOST_HOPS} proxies: with more hops than there are proxies, clients choose their own address`,
    );
  }
  const proxies = text.split(',').map((part) => part.trim());
  return proxies.map((proxy) => (NAMES.includes(proxy) ? proxy : parseNetwork(proxy)));
}

/** An address or a network in the spelling that Express reads. */
function parseNetwork(text: string): string {
  const [address = '', size, ...more] = text.split('/');
  const family = isIP(address);
  const bits = family === 4 ? 32 : 128;
  const prefix = size === undefined ? bits : Number(size);
  const wellFormed = family !== 0 && more.length === 0 && (size === undefined || /^\d{1,3}$/.test(size));
  if (!wellFormed || prefix > bits) throw new Error(FORM);
  const normal = family === 4 ? address : new SocketAddress({ address, family: 'ipv6' }).address;
  const widest = family === 4 ? WIDEST[4] : widestIpv6(normal, prefix);
  if (prefix < widest)
    throw new Error(
      `trusts too many: everybody in ${text} could claim any address. Name the proxies themselves, or at most a /${widest} ` +
        `(uniquelocal and loopback are the private networks)`,
    );
  const network = size === undefined ? normal : `${normal}/${prefix}`;
  try {
    compileTrustProxy([network]);
  } catch {
    throw new Error(`has ${text.slice(0, 60)}, which is not understood: it ${FORM}`);
  }
  return network;
}

function widestIpv6(address: string, prefix: number): number {
  const shared = STAND_FOR_IPV4.filter(
    (ipv4) => holds(ipv4.network, ipv4.prefix, address) || holds(address, prefix, ipv4.network),
  );
  return Math.max(WIDEST[6], ...shared.map(({ inFront }) => inFront + WIDEST[4]));
}

function holds(network: string, prefix: number, address: string): boolean {
  const list = new BlockList();
  list.addSubnet(network, prefix, 'ipv6');
  return list.check(address, 'ipv6');
}
