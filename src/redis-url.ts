import { readFileSync } from 'node:fs';
import { decoded, type Host, readHosts, readOptions, wholeNumber } from './url-parts.ts';

/** A Redis server, a Cluster by some of its nodes, or a master by its Sentinels. */
export interface RedisAddress {
  readonly kind: 'server' | 'cluster' | 'sentinel';
  readonly hosts: readonly Host[];
  readonly user: string | undefined;
  readonly password: string | undefined;
  /** Of the Sentinels themselves, where they want one. */
  readonly sentinelPassword: string | undefined;
  /** What the Sentinels call the master. */
  readonly master: string;
  /** The number of the database. */
  readonly database: number;
  readonly tls: { readonly ca: Buffer | undefined } | undefined;
  /** The longest that an answer may take, in milliseconds. */
  readonly timeoutMs: number;
  /** How every key and channel of ours begins. */
  readonly prefix: string;
}

const FORM =
  /^redis(?<tls>s)?(?:-(?<kind>cluster|sentinel))?:\/\/(?:(?<user>[^:@/]*)(?::(?<password>[^@/]*))?@)?(?<hosts>[^/?]+)(?:\/(?<path>[^?]*))?(?:\?(?<options>.*))?$/;

/** Behind the host: a server's number of the database; nothing of a Cluster; the Sentinels' name of the master, and that number. */
const PATHS: Readonly<Record<RedisAddress['kind'], RegExp>> = {
  server: /^(?<database>\d{0,5})$/,
  cluster: /^$/,
  sentinel: /^(?<master>[^/]+)(?:\/(?<database>\d{0,5}))?$/,
};

const DEFAULTS = { timeout: '2000', prefix: 'weapp-login:', 'ssl-ca': '', 'sentinel-password': '' };

/**
 * Reads `redis://user:password@host:6379/0`, `redis-cluster://host:6379,host2,host3` or
 * `redis-sentinel://host:26379,host2,host3/mymaster/0`, each with `rediss` for TLS, and
 * `?timeout=2000&prefix=…&ssl-ca=…&sentinel-password=…`.
 * @throws {Error} saying what is wrong, without the URL itself: it holds a password
 * @see https://www.iana.org/assignments/uri-schemes/prov/redis
 */
export function parseRedisUrl(url: string): RedisAddress {
  const parts = FORM.exec(url)?.groups;
  const kind = (parts?.['kind'] ?? 'server') as RedisAddress['kind'];
  const path = PATHS[kind].exec(parts?.['path'] ?? '');
  if (!parts || !path) {
    throw new Error(
      'must be redis://user:password@host:6379/0, redis-cluster://host1,host2,host3 or ' +
        'redis-sentinel://host1,host2,host3/mymaster (rediss… for TLS; escape @ / : in a password as %40 %2F %3A)',
    );
  }
  const hosts = readHosts(parts['hosts'] ?? '', kind === 'sentinel' ? 26_379 : 6379);
  if (kind === 'server' && hosts.length > 1)
    throw new Error('names several hosts: write redis-cluster:// or redis-sentinel://');
  const options = readOptions(parts['options'] ?? '', DEFAULTS);
  if (options['ssl-ca'] && !parts['tls']) throw new Error('has the option ssl-ca without TLS: write rediss');
  // They would change which keys a Cluster keeps together.
  if (/[{}]/.test(options.prefix)) throw new Error('has a wrong option: prefix must not hold { or }');
  return {
    kind,
    hosts,
    user: given(parts['user']),
    password: given(parts['password']),
    sentinelPassword: given(options['sentinel-password']),
    master: decoded(path.groups?.['master'] ?? ''),
    database: Number(path.groups?.['database'] ?? 0),
    tls: parts['tls'] ? { ca: options['ssl-ca'] ? readFileSync(options['ssl-ca']) : undefined } : undefined,
    timeoutMs: wholeNumber('timeout', options.timeout, 100, 60_000),
    prefix: options.prefix,
  };
}

function given(text: string | undefined): string | undefined {
  return text ? decoded(text) : undefined;
}
