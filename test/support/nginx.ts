import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { inject, onTestFinished } from 'vitest';
import { saysReady } from './says-ready.ts';

// Debian keeps servers in sbin, which a user's PATH may lack.
const env = { ...process.env, PATH: [process.env['PATH'], '/usr/sbin', '/usr/local/sbin'].join(delimiter) };

export function hasNginx(): boolean {
  try {
    execFileSync('nginx', ['-v'], { env, stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/**
 * Starts a private nginx; it ends with the test.
 * @param http what stands in its `http` block, given the folder for its files
 */
export async function startNginx(http: (folder: string) => string): Promise<void> {
  const folder = mkdtempSync(join(inject('folder'), 'nginx-'));
  const file = join(folder, 'nginx.conf');
  const kinds = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  const asUser = process.getuid?.() === 0 ? 'user root;' : '';
  writeFileSync(
    file,
    `daemon off; ${asUser} pid ${folder}/pid; error_log stderr notice; worker_processes 1; events {}
http {
  access_log off;
  ${kinds.map((kind) => `${kind}_temp_path ${folder}/${kind};`).join(' ')}
  ${http(folder)}
}
`,
  );
  const nginx = spawn('nginx', ['-c', file, '-p', folder, '-e', 'stderr'], {
    env,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const ended = once(nginx, 'close');
  onTestFinished(async () => {
    nginx.kill('SIGTERM'); // it ends its worker, which SIGKILL would leave
    await ended;
  });
  await saysReady(nginx, 'nginx', nginx.stderr, 'start worker process ');
}
