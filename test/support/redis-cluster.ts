import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Certificates } from './certificates.ts';
import { dataOptions, type Redis, startServer } from './redis.ts';
import { until } from './until.ts';

/** A private Redis Cluster of three masters. A killed node starts without data, and takes writes after 2 s. */
export interface RedisCluster {
  /** Names the first three nodes, which begin as masters: redis-cluster://127.0.0.1:p1,127.0.0.1:p2,127.0.0.1:p3; rediss with TLS */
  readonly url: string;
  readonly nodes: readonly Redis[];
  /** The master of the key's slot, as the nodes that live see it. */
  keyOwner(key: string): Promise<Redis>;
  /** Whether that node takes the cluster for complete: `ok` or `fail`; rejects while the node is down. */
  state(node: Redis): Promise<string>;
  /** Waits until every node is there, takes the cluster for complete, and every replica follows its master. */
  settles(): Promise<void>;
  /** Ends every node and removes their folders. */
  stop(): Promise<void>;
}

/** From, to, and the master's host and port. @see https://redis.io/docs/latest/commands/cluster-slots/ */
type SlotRange = readonly [from: number, to: number, master: readonly [host: string, port: number]];

const execute = promisify(execFile);

export interface ClusterOptions {
  /** How many each master has: without one, the cluster is down while a master is. */
  readonly replicas?: 0 | 1;
  /** Takes TLS only. */
  readonly tls?: Certificates;
}

export async function startRedisCluster({ replicas = 0, tls }: ClusterOptions = {}): Promise<RedisCluster> {
  const nodes: Redis[] = [];
  const cluster: RedisCluster = {
    get url() {
      return `${tls ? 'rediss' : 'redis'}-cluster://${addresses(nodes.slice(0, 3)).join(',')}`;
    },
    nodes,
    async keyOwner(key) {
      const slot = Number(await askAny(nodes, 'CLUSTER', 'KEYSLOT', key));
      const ranges: SlotRange[] = JSON.parse(await askAny(nodes, '--json', 'CLUSTER', 'SLOTS'));
      const port = ranges.find(([from, to]) => from <= slot && slot <= to)?.[2][1];
      const owner = nodes.find((node) => node.port === port);
      if (!owner) throw new Error(`nobody has slot ${slot} of ${key}: ${JSON.stringify(ranges)}`);
      return owner;
    },
    async state(node) {
      return /cluster_state:(\w+)/.exec(await node.cli('CLUSTER', 'INFO'))?.[1] ?? '';
    },
    async settles() {
      for (const node of nodes)
        await until(`${node.url} takes the cluster for complete`, () => isSettled(node));
    },
    async stop() {
      await Promise.all(nodes.map((node) => node.stop()));
    },
  };

  // A node that is silent for a second is taken for dead; the default takes 15 s.
  const options = ['--cluster-enabled', 'yes', '--cluster-node-timeout', '1000'];
  if (tls) options.push('--tls-cluster', 'yes', '--tls-replication', 'yes');
  const count = 3 + 3 * replicas;
  try {
    while (nodes.length < count) {
      nodes.push(
        await startServer(
          (place) => [...dataOptions(place, tls), ...options, '--cluster-port', `${place.busPort}`],
          undefined,
          tls,
        ),
      );
    }
    const how = ['--cluster-replicas', `${replicas}`, '--cluster-yes'];
    if (tls) how.push('--tls', '--cacert', tls.ca, '--cert', tls.cert, '--key', tls.key);
    await execute('redis-cli', ['--cluster', 'create', ...addresses(nodes), ...how]);
    await cluster.settles();
  } catch (error) {
    await cluster.stop();
    throw error;
  }
  return cluster;

  async function isSettled(node: Redis): Promise<boolean> {
    if ((await cluster.state(node)) !== 'ok') return false;
    const seen = (await node.cli('CLUSTER', 'NODES')).split('\n');
    return (
      seen.length === count &&
      seen.every((line) => line.includes(' connected') && !/fail|handshake/.test(line)) &&
      seen.filter((line) => line.includes('master')).length === 3 &&
      !(await node.cli('INFO', 'replication')).includes('master_link_status:down')
    );
  }
}

function addresses(nodes: readonly Redis[]): string[] {
  return nodes.map(({ port }) => `127.0.0.1:${port}`);
}

/** The first answer of a node that lives. */
function askAny(nodes: readonly Redis[], ...command: string[]): Promise<string> {
  return Promise.any(nodes.map((node) => node.cli(...command)));
}
