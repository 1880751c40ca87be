import { BlockList, isIP } from 'node:net';

/**
 * Whether a list such as `localhost,.example.com,10.0.0.0/8,db:3306` names a server, as curl and Go read it: a name stands
 * for those below it too, `*` for all.
 * @param host without brackets
 */
export function isInNoProxy(list: string, host: string, port: number): boolean {
  const target = plain(host);
  return list
    .split(/[,\s]+/)
    .filter(Boolean)
    .some((entry) => names(entry, target, port));
}

function names(entry: string, host: string, port: number): boolean {
  if (entry === '*') return true;
  const [, bracketed, single = entry, wantedPort] =
    /^(?:\[([^\]]+)\]|([^:]+))(?::(\d{1,5}))?$/.exec(entry) ?? [];
  if (wantedPort !== undefined && Number(wantedPort) !== port) return false;
  const [address = '', length] = (bracketed ?? single).split('/');
  if (isIP(address)) return isIP(host) > 0 && isInSubnet(host, address, length);
  const name = plain(address.replace(/^\*?\./, ''));
  return name !== '' && (host === name || (isIP(host) === 0 && host.endsWith(`.${name}`)));
}

function isInSubnet(host: string, address: string, length: string | undefined): boolean {
  const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
  const longest = family === 'ipv6' ? 128 : 32;
  const bits = Number(length ?? longest);
  if (!Number.isInteger(bits) || bits < 0 || bits > longest) return false;
  const list = new BlockList();
  list.addSubnet(address, bits, family);
  return list.check(host, isIP(host) === 6 ? 'ipv6' : 'ipv4');
}

function plain(name: string): string {
  return name.toLowerCase().replace(/\.$/, '');
}
