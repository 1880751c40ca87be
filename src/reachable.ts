import type { AddressInfo } from 'node:net';

/** Where a program on this machine reaches a server. One that listens on every address is reached on loopback. */
export function reachable({ address, family, port }: AddressInfo): string {
  const host = { '0.0.0.0': '127.0.0.1', '::': '127.0.0.1' }[address] ?? address;
  return `http://${family === 'IPv6' && host === address ? `[${host}]` : host}:${port}`;
}
