import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Certificates } from './certificates.ts';
import { freePort } from './ports.ts';
import { saysReady } from './says-ready.ts';

/** A private Redis on a free port of loopback, with its data in a temporary folder. */
export interface Redis {
  /** redis://127.0.0.1:port, with TLS rediss://127.0.0.1:port; names no user, password or database. */
  readonly url: string;
  readonly port: number;
  /** Where its files are. */
  readonly folder: string;
  /** Starts it again after a kill, on the same port, with what its folder holds. */
  start(): Promise<void>;
  /** kill -9 */
  kill(): Promise<void>;
  /** Ends it and removes its folder. */
  stop(): Promise<void>;
  /** What redis-cli prints. Its own options come first: `cli('-a', password, 'GET', key)`. Rejects what is refused. */
  cli(...args: string[]): Promise<string>;
}

export interface RedisOptions {
  /** Options of the server, such as `'--appendonly', 'yes'`; without any it keeps nothing on disk. */
  readonly more?: readonly string[];
  /** Takes TLS only, and asks clients for no certificate. */
  readonly tls?: Certificates;
}

/** Where a server runs. */
export interface Place {
  readonly folder: string;
  readonly port: number;
  /** Free too, for what the nodes of a cluster tell each other. */
  readonly busPort: number;
}

const READY = 'Ready to accept connections';
const TAKEN = 'Address already in use';
const ATTEMPTS = 5;
const execute = promisify(execFile);

/** Whether redis-server and redis-cli are there; 7.0 is the first that can be told the port of a cluster's bus. */
export function hasRedis(): boolean {
  try {
    execFileSync('redis-cli', ['--version'], { stdio: 'ignore' });
    const says = execFileSync('redis-server', ['--version'], { encoding: 'utf8' });
    return Number(/\bv=(\d+)/.exec(says)?.[1]) >= 7;
  } catch {
    return false;
  }
}

export function startRedis({ more = [], tls }: RedisOptions = {}): Promise<Redis> {
  return startServer((place) => [...dataOptions(place, tls), ...more], READY, tls);
}

/** The options of a server that keeps nothing on disk; it remembers only what CONFIG REWRITE writes. */
export function dataOptions({ folder, port }: Place, tls?: Certificates): string[] {
  const config = join(folder, 'redis.conf');
  writeFileSync(config, '');
  const listen = tls ? tlsOptions(port, tls) : ['--port', `${port}`];
  // A replica that comes is served at once; the default lets it wait 5 s for others.
  const rest = ['--save', '', '--appendonly', 'no', '--repl-diskless-sync-delay', '0'];
  return [config, '--bind', '127.0.0.1', ...listen, '--dir', folder, ...rest];
}

/**
 * Starts redis-server in a place of its own.
 * @param argsIn what it is started with there; asked again, with another place, when somebody else took a port
 * @param words what it says when it is ready
 */
export async function startServer(
  argsIn: (place: Place) => readonly string[],
  words = READY,
  tls?: Certificates,
): Promise<Redis> {
  for (let attempt = 1; ; attempt++) {
    const folder = mkdtempSync(join(tmpdir(), 'weapp-redis-'));
    const place = { folder, port: await freePort(), busPort: await freePort() };
    const redis = makeServer(place, argsIn(place), words, tls);
    try {
      await redis.start();
      return redis;
    } catch (error) {
      await redis.stop();
      if (attempt === ATTEMPTS || !String(error).includes(TAKEN)) throw error;
    }
  }
}

function makeServer(
  { folder, port }: Place,
  args: readonly string[],
  words: string,
  tls?: Certificates,
): Redis {
  const client = ['-e', '-p', `${port}`];
  if (tls) client.push('--tls', '--cacert', tls.ca, '--cert', tls.cert, '--key', tls.key);
  let server: ChildProcess | undefined;
  const redis: Redis = {
    url: `${tls ? 'rediss' : 'redis'}://127.0.0.1:${port}`,
    port,
    folder,
    async start() {
      server = spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'inherit'] });
      await saysReady(server, 'redis-server', server.stdout, words);
    },
    async kill() {
      if (!server || server.exitCode !== null || server.signalCode !== null) return;
      const ended = once(server, 'exit');
      server.kill('SIGKILL');
      await ended;
    },
    async stop() {
      await redis.kill();
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    },
    async cli(...command) {
      const { stdout } = await execute('redis-cli', [...client, ...command]);
      return stdout.trimEnd();
    },
  };
  return redis;
}

function tlsOptions(port: number, { key, cert, ca }: Certificates): string[] {
  const files = ['--tls-key-file', key, '--tls-cert-file', cert, '--tls-ca-cert-file', ca];
  return ['--port', '0', '--tls-port', `${port}`, '--tls-auth-clients', 'no', ...files];
}
