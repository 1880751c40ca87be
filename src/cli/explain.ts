import { ConfigError } from '../config.ts';
import { databaseFailure } from '../db/failures.ts';
import { AppError } from '../errors.ts';
import { redisNextStep } from '../redis/refusals.ts';
import { fileProblem, StartError } from '../start-error.ts';
import { UsageError } from './usage-error.ts';

/** What keeps a server from listening, by the code of the system's error. */
const LISTENING: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another server has this port. Stop it, or set PORT.',
  EADDRNOTAVAIL:
    'this machine has no such address. Set HOST to one of its own, or leave it out for all of them.',
  EINVAL: 'this is no whole address: an IPv6 one that begins with fe80 needs its interface (fe80::1%eth0).',
  EAFNOSUPPORT: 'this machine has no addresses of that kind. Set HOST to 127.0.0.1 or 0.0.0.0.',
  ENOTFOUND:
    'nobody knows this name (conda, csh and zsh set one). Set HOST to an address of this machine, such as 127.0.0.1.',
  EAI_AGAIN: 'the name servers do not answer. Set HOST to an address of this machine, such as 127.0.0.1.',
  EACCES: 'ports below 1024 want a right of their own. Set PORT=8888, with a reverse proxy in front.',
};

/** What to do about a database that cannot be used, by what it says. */
const DATABASE: readonly [RegExp, string][] = [
  [/Access denied/i, 'Compare the user and the password in DATABASE_URL with those of the server.'],
  [
    /does not let a session be set/,
    'Set it in the server (my.cnf, or SET GLOBAL), and look at its init_connect, and at the proxy before it.',
  ],
  [
    /init_connect/,
    "SHOW GLOBAL VARIABLES LIKE 'init_connect' as an administrator says what it is, and the server's error log why it fails.",
  ],
  [
    /Too many connections|max_user_connections|max_connections_per_hour|ER_(?:CON_COUNT|TOO_MANY_USER|USER_LIMIT)/,
    'The server gives no further connection: raise its max_connections or the limits of this user, or lower `?connections=` in DATABASE_URL of those that run.',
  ],
  [
    /read-only/,
    'The server takes no writes (a replica, or a former primary): name the primary in DATABASE_URL, or set read_only off.',
  ],
  [/Unknown database/i, 'Create the database, or name another one in DATABASE_URL.'],
  [
    /^ER_LOCK_WAIT_TIMEOUT/,
    'Another connection holds the table: look for it in SHOW PROCESSLIST, let it end, and start again.',
  ],
  [/^SQLITE_FULL/, 'Make room on the disk.'],
  [/^SQLITE_BUSY/, 'Another process works on the file: wait for it, or stop it.'],
  [
    /^SQLITE_/,
    'May this user write the file and its folder, and does its file system have locks? See docs/databases.md.',
  ],
];

/** What to do about a database or Redis that cannot be used, where its reason tells more than that it does not answer. */
export function databaseStep(reason: string): string | undefined {
  if (reason.startsWith('Redis ')) return redisNextStep(reason);
  return DATABASE.find(([says]) => says.test(reason))?.[1];
}

/** What a person can act on: a sentence with the next step. Only a mistake of ours has its trace. */
export function explain(error: unknown): string {
  const { code = '', syscall, message, stack } = error as NodeJS.ErrnoException;
  // A system's error is of a file, or of listening: the repositories have made a failure of what the database said.
  const known = (syscall ? undefined : databaseFailure(error)) ?? error;
  if (known instanceof ConfigError || known instanceof StartError || known instanceof UsageError)
    return known.message;
  if (known instanceof AppError) return explainFailure(known);
  if (code.startsWith('ERR_PARSE_ARGS')) return message;
  const problem = /^(?:listen|bind|getaddrinfo)$/.test(syscall ?? '') ? LISTENING[code] : fileProblem(error);
  return problem === undefined ? (stack ?? String(error)) : `${message}: ${problem}`;
}

function explainFailure({ code, reason = '', message }: AppError): string {
  if (code !== 'database_unavailable') return `${code}: ${reason || message}`;
  const url = reason.startsWith('Redis ') ? 'REDIS_URL' : 'DATABASE_URL';
  const next = databaseStep(reason) ?? `Is ${url} right, and does the server run?`;
  return `${code}: ${reason || message}\n${next}`;
}
