import { isIP, SocketAddress } from 'node:net';

/** The longest IPv6 address with its brackets, zone and port is shorter. */
const LONGEST = 100;

/**
 * One spelling for each IP address: `203.0.113.7`, `2001:db8::1`. Takes a port, brackets, a zone, and IPv4 inside IPv6
 * (`::ffff:203.0.113.7`); anything else is undefined.
 */
export function parseAddress(text: string): string | undefined {
  if (text.length > LONGEST) return undefined;
  const bare = /^\[([^\]]+)\](?::\d+)?$/.exec(text)?.[1] ?? /^([\d.]+):\d+$/.exec(text)?.[1] ?? text;
  const [address = ''] = bare.split('%'); // whoever writes the address may invent zones
  const family = isIP(address);
  if (family !== 6) return family === 4 ? address : undefined;
  return new SocketAddress({ address, family: 'ipv6' }).address.replace(/^::ffff:(?=\d+\.)/, '');
}
