import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { AwsClient } from 'aws4fetch';
import { freePort } from './ports.ts';
import { until } from './until.ts';

/** A private OpenStack Swift on loopback, which speaks S3: a store that others run in production, not a stand-in. */
export interface Swift {
  /** For AVATAR_STORE, with a bucket of its own; `secret` and `bucket` may be wrong ones. */
  setting(options?: { secret?: string; bucket?: string; more?: string }): string;
  /** What the bucket holds. */
  names(): Promise<string[]>;
  fetch(name: string): Promise<Response>;
  /** kill -9 of the one that answers. */
  kill(): Promise<void>;
  stop(): Promise<void>;
}

const KEY = 'test:tester';
const SECRET = 'testing+/secret';
const BUCKET = 'avatars';
/** Tells Swift's servers that there is one device, and where. */
const RING = `from swift.common.ring import RingBuilder
def ring(file, port):
    builder = RingBuilder(1, 1, 0)
    builder.add_dev({'region': 1, 'zone': 1, 'ip': '127.0.0.1', 'port': port, 'device': 'd1', 'weight': 1})
    builder.rebalance()
    builder.get_ring().save(file)
`;
const SERVERS = ['account', 'container', 'object', 'proxy'] as const;

/** Debian's packages bring the `swift.conf` that all of Swift reads at this one place. */
export function hasSwift(): boolean {
  const servers = SERVERS.map((name) => `/usr/bin/swift-${name}-server`);
  return [...servers, '/usr/bin/python3', '/etc/swift/swift.conf'].every((file) => existsSync(file));
}

export async function startSwift(): Promise<Swift> {
  const folder = mkdtempSync(join(tmpdir(), 'weapp-swift-'));
  mkdirSync(join(folder, 'devices', 'd1'), { recursive: true });
  const processes = new Map<string, ChildProcess>();
  const rings: string[] = [];
  let url = '';
  for (const name of SERVERS) {
    const port = await freePort();
    if (name === 'proxy') url = `127.0.0.1:${port}`;
    else rings.push(`ring('${join(folder, name)}.ring.gz', ${port})`);
    writeFileSync(join(folder, `${name}.conf`), settings(folder, name, port));
  }
  execFileSync('/usr/bin/python3', ['-c', [RING, ...rings].join('\n')]);
  for (const name of SERVERS) {
    const config = join(folder, `${name}.conf`);
    processes.set(name, spawn(`/usr/bin/swift-${name}-server`, [config], { stdio: 'ignore' }));
  }
  const client = new AwsClient({ accessKeyId: KEY, secretAccessKey: SECRET, service: 's3', retries: 0 });
  const ask = (path: string, method = 'GET') => client.fetch(`http://${url}/${path}`, { method });
  const kill = async (name: string) => {
    const child = processes.get(name);
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  };
  const swift: Swift = {
    setting({ secret = SECRET, bucket = BUCKET, more = '' } = {}) {
      const [key, hidden] = [KEY, secret].map(encodeURIComponent);
      return `s3+http://${key}:${hidden}@${url}/${bucket}?style=path${more}`;
    },
    async names() {
      const list = await (await ask(BUCKET)).text();
      return [...list.matchAll(/<Key>([^<]*)<\/Key>/g)].map((match) => match[1] ?? '');
    },
    fetch: (name) => ask(`${BUCKET}/${name}`),
    kill: () => kill('proxy'),
    async stop() {
      await Promise.all(SERVERS.map(kill));
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
  const ready = until('Swift makes a bucket', async () => (await ask(BUCKET, 'PUT')).ok);
  await ready.catch((error) => swift.stop().then(() => Promise.reject(error)));
  return swift;
}

function settings(folder: string, name: string, port: number): string {
  const all = `[DEFAULT]
bind_ip = 127.0.0.1
bind_port = ${port}
user = ${userInfo().username}
swift_dir = ${folder}
devices = ${join(folder, 'devices')}
mount_check = false
workers = 0
`;
  if (name !== 'proxy') {
    return `${all}[pipeline:main]\npipeline = ${name}-server\n[app:${name}-server]\nuse = egg:swift#${name}\n`;
  }
  return `${all}[pipeline:main]
pipeline = cache s3api tempauth proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
; a server that is not up yet is asked again at once, not after a minute
error_suppression_interval = 0
[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:1
[filter:s3api]
use = egg:swift#s3api
[filter:tempauth]
use = egg:swift#tempauth
user_test_tester = ${SECRET} .admin
`;
}
