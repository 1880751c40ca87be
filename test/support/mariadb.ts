import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { freePort } from './ports.ts';
import { saysReady } from './says-ready.ts';

/** A private MariaDB on a free port, with its data in a temporary folder. */
export interface MariaDb {
  /** Of no database: append its name. */
  readonly url: string;
  readonly port: number;
  /** Starts it again after a kill. */
  start(): Promise<void>;
  /** kill -9 */
  kill(): Promise<void>;
  /** Ends it and removes its data. */
  stop(): Promise<void>;
}

// Debian keeps servers in sbin, which a user's PATH may lack.
const PATH = [process.env['PATH'], '/usr/sbin', '/usr/local/sbin'].join(delimiter);
const env = { ...process.env, PATH };

export function hasMariaDb(): boolean {
  try {
    execFileSync('mariadbd', ['--version'], { env, stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** @param more options of the server, such as `--ssl-cert=…` */
export async function startMariaDb(more: readonly string[] = []): Promise<MariaDb> {
  const folder = mkdtempSync(join(tmpdir(), 'weapp-mariadb-'));
  const datadir = join(folder, 'data');
  // Its own: a server that starts removes the temporary tables of others in a shared folder.
  const temporary = `--tmpdir=${folder}`;
  const asUser = process.getuid?.() === 0 ? ['--user=root'] : [];
  const install = [
    `--datadir=${datadir}`,
    '--auth-root-authentication-method=normal',
    '--skip-test-db',
    temporary,
  ];
  execFileSync('mariadb-install-db', ['--no-defaults', ...install, ...asUser], { env, stdio: 'ignore' });

  const port = await freePort();
  let server: ChildProcess;
  const mariadb: MariaDb = {
    url: `mysql://root@127.0.0.1:${port}/`,
    port,
    async start() {
      const where = [
        `--datadir=${datadir}`,
        `--port=${port}`,
        `--socket=${join(folder, 'socket')}`,
        temporary,
      ];
      const small = [
        '--bind-address=127.0.0.1',
        '--innodb-buffer-pool-size=64M',
        '--innodb-log-file-size=32M',
      ];
      server = spawn('mariadbd', ['--no-defaults', ...where, ...small, ...asUser, ...more], {
        env,
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      await saysReady(server, 'mariadbd');
    },
    async kill() {
      server.kill('SIGKILL');
      await once(server, 'exit');
    },
    async stop() {
      if (server.exitCode === null && server.signalCode === null) await mariadb.kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  await mariadb.start();
  return mariadb;
}
