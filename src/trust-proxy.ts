import { BlockList, isIP } from 'node:net';

const NAMES = ['loopback', 'linklocal', 'uniquelocal'];
const MOST_HOPS = 10;
/** A wider network is no network of proxies: whoever is in it could claim any address. */
const WIDEST = { 4: 8, 6: 16 } as const;
/** IPv4 written as IPv6: 96 bits, then the address. */
const MAPPED = '::ffff:0:0';
const MAPPED_BITS = 96;

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
  for (const proxy of proxies) if (!NAMES.includes(proxy)) checkNetwork(proxy);
  return proxies;
}

function checkNetwork(text: string): void {
  const [address = '', size, ...more] = text.split('/');
  const family = isIP(address);
  const bits = family === 4 ? 32 : 128;
  const prefix = size === undefined ? bits : Number(size);
  const wellFormed = family !== 0 && more.length === 0 && (size === undefined || /^\d{1,3}$/.test(size));
  if (!wellFormed || prefix > bits)
    throw new Error(
      `must be the number of proxies in front, or their addresses (${NAMES.join(', ')}, an IP or a CIDR)`,
    );
  const widest = family === 4 ? WIDEST[4] : holdsIpv4(address, prefix) ? MAPPED_BITS + WIDEST[4] : WIDEST[6];
  if (prefix < widest)
    throw new Error(
      `trusts too many: everybody in ${text} could claim any address. Name the proxies themselves, or at most a /${widest} ` +
        `(uniquelocal and loopback are the private networks)`,
    );
}

/** Whether an IPv6 network has a part of those that stand for IPv4. */
function holdsIpv4(address: string, prefix: number): boolean {
  const [network, mapped] = [new BlockList(), new BlockList()];
  network.addSubnet(address, prefix, 'ipv6');
  mapped.addSubnet(MAPPED, MAPPED_BITS, 'ipv6');
  return network.check(MAPPED, 'ipv6') || mapped.check(address, 'ipv6');
}
