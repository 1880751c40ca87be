import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { createConnection, type RowDataPacket } from 'mysql2/promise';
import { freePort } from './ports.ts';

/** A private MariaDB Galera cluster, with its data in a temporary folder. Every node takes writes. */
export interface Galera {
  readonly nodes: readonly GaleraNode[];
  /** Names every node: mysql://root@127.9.9.1:4001,127.9.9.2:4002,127.9.9.3:4003/database */
  url(database: string): string;
  /** Ends every node, and removes their data and what cut them off. */
  stop(): Promise<void>;
}

export interface GaleraNode {
  /** An address of loopback that no other node has. */
  readonly address: string;
  readonly port: number;
  /** Every port it listens on: clients, group, incremental and full state transfer. */
  readonly ports: readonly number[];
  /** Of no database: append its name. */
  readonly url: string;
  /** What it says of itself, also while it is cut off. */
  status(): Promise<GaleraStatus>;
  /** kill -9 */
  kill(): Promise<void>;
  /** Starts it again after a kill, and waits until it is synced. */
  start(): Promise<void>;
  /** Cuts it off from the other nodes and from clients, as a network does: nobody is told. */
  partition(): Promise<void>;
  /** Ends the cut, and waits until it is synced. */
  heal(): Promise<void>;
}

export interface GaleraStatus {
  /** Synced, Donor/Desynced, Joining, or Initialized without a quorum. */
  readonly state: string;
  /** Whether it is of the part that has the quorum. */
  readonly primary: boolean;
  /** Whether it takes queries. */
  readonly ready: boolean;
  /** How many nodes it sees. */
  readonly size: number;
}

// Debian keeps servers in sbin, which a user's PATH may lack.
const PATH = [process.env['PATH'], '/usr/sbin', '/usr/local/sbin'].join(delimiter);
const env = { ...process.env, PATH };
const execute = promisify(execFile);
const run = (command: string, args: readonly string[]) => execute(command, args, { env });

const provider = ['/usr/lib/galera', '/usr/lib64/galera-4', '/usr/lib/galera-4']
  .map((folder) => join(folder, 'libgalera_smm.so'))
  .find(existsSync);

const isRoot = process.getuid?.() === 0;
// Root's rsync daemon turns into "nobody", who cannot write the data of a node that joins.
const asUser = isRoot ? ['--user=mysql'] : [];

const LONGEST_WAIT_MS = 60_000;

export function hasGalera(): boolean {
  return provider !== undefined && runs('mariadbd', '--version') && runs('rsync', '--version');
}

/** Only root cuts a node off, with iptables. */
export function canPartition(): boolean {
  return isRoot && runs('iptables', '-S', 'INPUT');
}

export async function startGalera(count = 3): Promise<Galera> {
  const folder = mkdtempSync(join(tmpdir(), 'weapp-galera-'));
  // A node has an address of its own, so that one rule cuts all that it sends; a cluster has a network of its own.
  const network = `127.${randomInt(1, 255)}.${randomInt(256)}`;
  const places: Place[] = [];
  for (let number = 1; number <= count; number++) {
    places.push({
      folder: join(folder, `node${number}`),
      address: `${network}.${number}`,
      ports: await fourPorts(),
    });
  }
  const members = `gcomm://${places.map(({ address, ports: [, group] }) => `${address}:${group}`).join(',')}`;
  const nodes = places.map((place) => makeNode(place, members));

  const galera: Galera = {
    nodes,
    url: (database) =>
      `mysql://root@${nodes.map(({ address, port }) => `${address}:${port}`).join(',')}/${database}`,
    async stop() {
      try {
        await Promise.all(nodes.map((node) => node.end()));
      } finally {
        rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
      }
    },
  };

  try {
    for (const place of places) mkdirSync(join(place.folder, 'data'), { recursive: true });
    if (isRoot) execFileSync('chown', ['-R', 'mysql:', folder]);
    // One at a time: two nodes that join at once disturb each other with time-outs this short.
    for (const [index, node] of nodes.entries()) await (index === 0 ? node.found() : node.join());
    for (const node of nodes) await node.reaches(({ ready, size }) => ready && size === count);
  } catch (error) {
    await galera.stop();
    throw error;
  }
  return galera;
}

interface Place {
  readonly folder: string;
  readonly address: string;
  /** For clients, the group, incremental and full state transfer. */
  readonly ports: readonly [number, number, number, number];
}

interface Member extends GaleraNode {
  /** The first node of a new cluster; the others get their data from it. */
  found(): Promise<void>;
  join(...more: string[]): Promise<void>;
  reaches(goal: (status: GaleraStatus) => boolean): Promise<void>;
  end(): Promise<void>;
}

function makeNode(place: Place, members: string): Member {
  const { address, ports } = place;
  const [port] = ports;
  // A temporary folder of its own: a server that starts removes the temporary tables that it finds, of anyone.
  const data = [`--datadir=${join(place.folder, 'data')}`, `--tmpdir=${place.folder}`, ...asUser];
  const small = ['--innodb-buffer-pool-size=64M', '--innodb-log-file-size=32M'];
  const socketPath = join(place.folder, 'socket');
  const log = join(place.folder, 'log');
  let server: ChildProcess | undefined;
  const cuts: string[][] = [];

  const node: Member = {
    address,
    port,
    ports,
    url: `mysql://root@${address}:${port}/`,

    async status() {
      const connection = await createConnection({ socketPath, user: 'root' });
      try {
        const [rows] = await connection.query<RowDataPacket[]>("SHOW STATUS LIKE 'wsrep_%'");
        const says = new Map(rows.map((row) => [String(row['Variable_name']), String(row['Value'])]));
        return {
          state: says.get('wsrep_local_state_comment') ?? '',
          primary: says.get('wsrep_cluster_status') === 'Primary',
          ready: says.get('wsrep_ready') === 'ON',
          size: Number(says.get('wsrep_cluster_size')),
        };
      } finally {
        connection.destroy();
      }
    },

    async found() {
      const root = ['--auth-root-authentication-method=normal', '--skip-test-db'];
      await run('mariadb-install-db', ['--no-defaults', ...root, ...data, ...small]);
      await node.join('--wsrep-new-cluster');
    },

    async join(...more) {
      const clients = [`--bind-address=${address}`, `--port=${port}`, `--socket=${socketPath}`];
      const group = galeraOptions(place, members);
      const output = openSync(log, 'a');
      server = spawn(
        'mariadbd',
        ['--no-defaults', ...data, ...small, ...clients, '--skip-name-resolve', ...group, ...more],
        { env, stdio: ['ignore', output, output], detached: true }, // a group of processes, to end its helpers too
      );
      closeSync(output);
      await once(server, 'spawn');
      await node.reaches(isSynced);
    },

    async start() {
      // As Debian's service does: where its data ends, so that it only needs what it missed.
      const recover = ['--wsrep-recover', '--skip-networking', `--socket=${socketPath}`];
      const { stderr } = await run('mariadbd', ['--no-defaults', ...data, ...small, ...recover]);
      const position = /Recovered position: (\S+)/.exec(stderr)?.[1];
      await node.join(...(position ? [`--wsrep-start-position=${position}`] : []));
    },

    async kill() {
      if (!server?.pid || hasEnded(server)) return;
      const ended = once(server, 'exit');
      process.kill(-server.pid, 'SIGKILL');
      await ended;
    },

    async partition() {
      for (const direction of ['--source', '--destination']) {
        const rule = ['INPUT', '--in-interface', 'lo', direction, address, '--jump', 'DROP'];
        await run('iptables', ['--wait', '--insert', ...rule]);
        cuts.push(rule);
      }
    },

    async heal() {
      await mend();
      await node.reaches(isSynced);
    },

    async end() {
      await Promise.all([node.kill(), mend()]);
    },

    async reaches(goal) {
      const deadline = Date.now() + LONGEST_WAIT_MS;
      let status: GaleraStatus | undefined;
      while (!status || !goal(status)) {
        if (!server || hasEnded(server) || Date.now() > deadline) {
          const end = readFileSync(log, 'utf8').split('\n').slice(-40).join('\n');
          throw new Error(`${address} is not as it should be: ${JSON.stringify(status)}\n${end}`);
        }
        await pause(50); // a node announces its state to nobody: it has to be asked
        status = await node.status().catch(() => undefined);
      }
    },
  };
  return node;

  async function mend(): Promise<void> {
    for (const rule of cuts.splice(0)) await run('iptables', ['--wait', '--delete', ...rule]);
  }
}

function isSynced({ state, primary, ready }: GaleraStatus): boolean {
  return state === 'Synced' && primary && ready;
}

async function fourPorts(): Promise<Place['ports']> {
  const ports = [await freePort(), await freePort(), await freePort(), await freePort()] as const;
  return new Set(ports).size === ports.length ? ports : fourPorts(); // one is free again as soon as it is told
}

function galeraOptions(place: Place, members: string): string[] {
  const { address } = place;
  const [, group, incremental, full] = place.ports;
  // A node that is silent for 1.5 s is out; the defaults take 5 s to 15 s.
  const options = [
    `gmcast.listen_addr=tcp://${address}:${group}`,
    `base_port=${group}`,
    `ist.recv_addr=${address}:${incremental}`,
    'evs.keepalive_period=PT0.5S',
    'evs.inactive_check_period=PT0.5S',
    'evs.join_retrans_period=PT0.3S',
    'evs.suspect_timeout=PT1.5S',
    'evs.inactive_timeout=PT3S',
    'evs.install_timeout=PT3S',
    'gmcast.peer_timeout=PT1.5S',
    'gcache.size=32M',
  ];
  return [
    '--wsrep-on=ON',
    `--wsrep-provider=${provider}`,
    `--wsrep-provider-options=${options.join(';')}`,
    `--wsrep-cluster-address=${members}`,
    `--wsrep-node-address=${address}:${group}`,
    '--wsrep-sst-method=rsync',
    `--wsrep-sst-receive-address=${address}:${full}`,
    '--binlog-format=ROW',
    '--innodb-autoinc-lock-mode=2',
  ];
}

function hasEnded(server: ChildProcess): boolean {
  return server.exitCode !== null || server.signalCode !== null;
}

function runs(command: string, ...args: string[]): boolean {
  try {
    execFileSync(command, args, { env, stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
