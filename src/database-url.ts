import { readFileSync } from 'node:fs';
import type { SslOptions } from 'mysql2';

/** A MySQL server, or several that hold the same data and stand in for each other, in the order of preference. */
export interface MysqlAddress {
  readonly hosts: readonly { readonly host: string; readonly port: number }[];
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
const HOST = /^(?<host>\[[0-9a-f:]+\]|[\w.-]+)(?::(?<port>\d{1,5}))?$/i;

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
  const options = { ...DEFAULTS, ...readOptions(parts['options'] ?? '') };
  return {
    hosts: (parts['hosts'] ?? '').split(',').map(readHost),
    user: decodeURIComponent(parts['user'] ?? ''),
    password: decodeURIComponent(parts['password'] ?? ''),
    database: decodeURIComponent(parts['database'] ?? ''),
    connections: wholeNumber('connections', options.connections, 1, 1000),
    timeoutMs: wholeNumber('timeout', options.timeout, 100, 60_000),
    ssl: readSsl(options['ssl-mode'], options['ssl-ca']),
  };
}

function readHost(text: string): { host: string; port: number } {
  const parts = HOST.exec(text)?.groups;
  if (!parts)
    throw new Error('names a host that is none: write host or host:port, several separated by commas');
  return { host: (parts['host'] ?? '').replace(/[[\]]/g, ''), port: Number(parts['port'] ?? 3306) };
}

function readOptions(query: string): Partial<typeof DEFAULTS> {
  const options = Object.fromEntries(new URLSearchParams(query));
  const unknown = Object.keys(options).filter((name) => !(name in DEFAULTS));
  if (unknown.length === 0) return options;
  throw new Error(
    `has an option it does not know (${unknown.join(', ')}): there are ${Object.keys(DEFAULTS).join(', ')}`,
  );
}

function wholeNumber(name: string, text: string, min: number, max: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw new Error(`has a wrong option: ${name} must be a number from ${min} to ${max}`);
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
