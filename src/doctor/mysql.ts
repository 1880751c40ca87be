import { type MysqlAddress, parseMysqlUrl } from '../database-url.ts';
import { connectionOptions, messageOf, openConnection, runOn } from '../db/mysql-connections.ts';
import type { Difference, Run } from '../db/mysql-session.ts';
import type { Finding } from './finding.ts';

const subject = 'database';

/** What the MySQL servers are, and what of their defaults our sessions do without. One of several may be away. */
export async function examineServers(url: string): Promise<Finding[]> {
  const address = parseMysqlUrl(url);
  const findings = await Promise.all(
    address.hosts.map(({ host, port }) =>
      examineServer(host, port, address).catch((error: unknown): Finding[] => {
        const says = `${host}:${port} cannot be used: ${messageOf(error)}`;
        return [{ level: 'warning', subject, says, todo: 'start it, or take it out of DATABASE_URL' }];
      }),
    ),
  );
  return findings.flat();
}

async function examineServer(host: string, port: number, address: MysqlAddress): Promise<Finding[]> {
  const options = connectionOptions(host, port, address);
  const { connection, differences } = await openConnection(options, address.timeoutMs);
  try {
    const run = runOn(connection);
    const server = await readServer(run);
    const name = [server.get('version'), server.get('version_comment')].filter(Boolean).join(', ');
    return [
      { level: 'ok', subject, says: `${host}:${port} is MySQL ${name || 'of an unknown version'}` },
      ...saysDefaults(differences, !!server.get('init_connect')),
      ...saysConnections(server, address.connections),
      ...(await saysReadOnly(run)),
    ];
  } finally {
    connection.destroy();
  }
}

async function readServer(run: Run): Promise<ReadonlyMap<string, string>> {
  const names = ['version', 'version_comment', 'init_connect', 'max_connections', 'max_user_connections'];
  const list = names.map((name) => `'${name}'`).join(', ');
  const rows = await run(`SHOW SESSION VARIABLES WHERE Variable_name IN (${list})`).catch(() => []);
  return new Map(rows.map((row) => Object.values(row).map(String) as [string, string]));
}

/** What is on every server as it comes is not worth a word. */
const USUAL: Readonly<Record<string, RegExp>> = {
  time_zone: /^SYSTEM$/,
  innodb_lock_wait_timeout: /^50$/,
  wsrep_sync_wait: /^0$/,
};

function saysDefaults(differences: readonly Difference[], hasInitConnect: boolean): Finding[] {
  const odd = differences.filter(({ name, found }) => !USUAL[name]?.test(found));
  if (odd.length === 0) return [];
  const each = odd.map(({ name, found, set }) => `${name} ${found || 'empty'} → ${set}`).join('; ');
  const from = hasInitConnect ? 'its defaults and its init_connect' : 'its defaults';
  return [{ level: 'ok', subject, says: `our sessions set what ${from} have otherwise: ${each}` }];
}

/** Of a limit, 0 means none. */
function saysConnections(server: ReadonlyMap<string, string>, wanted: number): Finding[] {
  const limits = (['max_connections', 'max_user_connections'] as const)
    .map((name) => ({ name, most: Number(server.get(name)) }))
    .filter(({ most }) => most > 0);
  return limits
    .filter(({ most }) => most <= wanted)
    .map(({ name, most }) => ({
      level: 'warning',
      subject,
      says: `${name} is ${most}, and each instance wants ${wanted} connections: requests wait for those there are, and no command gets one`,
      todo: `raise it, or write ?connections=${Math.max(1, most - 2)} at the end of DATABASE_URL (fewer with several instances)`,
    }));
}

/** A server that takes no writes refuses even one that has nothing to write. */
async function saysReadOnly(run: Run): Promise<Finding[]> {
  const refused = await run('DELETE FROM weapp_login_migration WHERE 1 = 0').then(
    () => '',
    (error: unknown) => messageOf(error),
  );
  if (!/read[-_ ]only/i.test(refused)) return [];
  const todo = 'name the primary in DATABASE_URL, or set read_only off';
  return [{ level: 'problem', subject, says: `it takes no writes: ${refused}`, todo }];
}
