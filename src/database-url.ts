import { readFileSync } from 'node:fs';
import type { SslOptions } from 'mysql2';
import { decoded, type Host, readHosts, readOptions, wholeNumber } from './url-parts.ts';

/** A MySQL server, or several that hold the same data and stand in for each other, in the order of preference. */
export interface MysqlAddress {
  readonly hosts: readonly Host[];
  readonly user: string;
  readonly password: string;
  readonly database: string;
  /** Connections to each host. */
  readonly connections: number;
  /** The longest that a connection or a statement may take, in milliseconds. */
  readonly timeoutMs: number;
  readonly ssl: SslOptions | undefined;
}

const FORM =
  /^mysql:\/\/(?:(?<user>[^:@/]*)(?::(?<password>[^@/]*))?@)?(?<hosts>[^/?]+)\/(?<database>[^/?]+)(?:\?(?<options>.*))?$/;

const DEFAULTS = { connections: '10', timeout: '2000', 'ssl-mode': 'DISABLED', 'ssl-ca': '' };
const SSL_MODES = ['DISABLED', 'REQUIRED', 'VERIFY_CA', 'VERIFY_IDENTITY'];

/**
 * Reads `mysql://user:password@host:3306,host2,host3:3307/database?connections=10&timeout=2000&ssl-mode=…&ssl-ca=…`.
 * The names of the ssl options are MySQL's own.
 * @throws {Error} saying what is wrong, without the URL itself: it holds a password
 * @see https://dev.mysql.com/doc/refman/8.4/en/connecting-using-uri-or-key-value-pairs.html
 */
export function parseMysqlUrl(url: string): MysqlAddress {
  const parts = FORM.exec(url)?.groups;
  if (!parts)
    throw new Error(
      'must be mysql://user:password@host:3306/database (escape @ / : in a password as %40 %2F %3A)',
    );
  const options = readOptions(parts['options'] ?? '', DEFAULTS);
  return {
    hosts: readHosts(parts['hosts'] ?? '', 3306),
    user: decoded(parts['user'] ?? ''),
    password: decoded(parts['password'] ?? ''),
    database: decoded(parts['database'] ?? ''),
    connections: wholeNumber('connections', options.connections, 1, 1000),
    timeoutMs: wholeNumber('timeout', options.timeout, 100, 60_000),
    ssl: readSsl(options['ssl-mode'], options['ssl-ca']),
  };
}

/** REQUIRED encrypts without asking who answers; VERIFY_CA asks for a certificate; VERIFY_IDENTITY for the host's. */
function readSsl(mode: string, ca: string): SslOptions | undefined {
  if (!SSL_MODES.includes(mode))
    throw new Error(`has a wrong option: ssl-mode must be one of ${SSL_MODES.join(', ')}`);
  if (mode === 'DISABLED') return undefined;
  return {
    minVersion: 'TLSv1.2',
    rejectUnauthorized: mode !== 'REQUIRED',
    verifyIdentity: mode === 'VERIFY_IDENTITY',
    ...(ca && { ca: readFileSync(ca) }),
  };
}
