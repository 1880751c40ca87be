import type { AddressInfo } from 'node:net';
import { resolve } from 'node:path';
import type { Config } from '../config.ts';
import { parseMysqlUrl } from '../database-url.ts';
import { nameOf } from '../outbound/failure.ts';
import { parseRedisUrl } from '../redis-url.ts';
import type { Host } from '../url-parts.ts';

/** What a server listens on and where it keeps things, for its log: no user, no password. */
export function describeServer(
  { databaseUrl, redisUrl, sandbox, wechat, proxyFor }: Config,
  { address, family, port }: AddressInfo,
) {
  const proxy = sandbox ? undefined : proxyFor(wechat.apiBase);
  const isEvery = address === '0.0.0.0' || address === '::';
  const host = family === 'IPv6' ? `[${address}]` : address;
  return {
    listensOn: isEvery ? `all addresses (${address}), port ${port}` : `${host}:${port}`,
    database: describeDatabase(databaseUrl),
    ...(redisUrl !== undefined && { redis: namesOf(parseRedisUrl(redisUrl).hosts) }),
    ...(proxy && { proxy: nameOf(proxy) }),
  };
}

function describeDatabase(url: string): string {
  if (url === 'sqlite::memory:') return 'SQLite in memory';
  if (url.startsWith('sqlite:')) return `SQLite ${resolve(url.slice('sqlite:'.length))}`;
  const { hosts, database } = parseMysqlUrl(url);
  return `MySQL ${namesOf(hosts)}/${database}`;
}

function namesOf(hosts: readonly Host[]): string {
  return hosts.map(({ host, port }) => `${host.includes(':') ? `[${host}]` : host}:${port}`).join(',');
}
