import { setTimeout as wait } from 'node:timers/promises';
import { type ConnectionOptions, createPool, type Pool, type PoolConnection } from 'mysql2';
import type { MysqlAddress } from '../database-url.ts';
import { connectionOf, connectionOptions, messageOf, prepare, refusal } from './mysql-connections.ts';

/** Told when a node is left, with the cause, and when it is taken back. */
export type NodeListener = (event: NodeEvent) => void;

export interface NodeEvent {
  readonly node: string;
  readonly up: boolean;
  readonly reason?: string;
}

/** The servers of one address. A request never has to find out that a server is dead: one that failed is left. */
export interface Nodes {
  /** A connection to the first node that is well. Fails with a `code` of the driver, or `POOL_*`. */
  acquire(): Promise<Lease>;
  close(): Promise<void>;
}

export interface Lease {
  readonly connection: PoolConnection;
  /** Leaves the node, because of what a statement on it met, until it answers again. */
  leave(reason: string): void;
  /** Asks the node whether it is well, because a statement takes long; leaves it if it does not answer in time. */
  suspect(withinMs: number): void;
  /** Calls back when somebody leaves the node; answers how to take that back. */
  whenLeft(callback: (reason: string) => void): () => void;
}

interface Node {
  readonly name: string;
  readonly options: ConnectionOptions;
  readonly pool: Pool;
  readonly connections: Set<PoolConnection>;
  readonly leavers: Set<(reason: string) => void>;
  /** Why it was left; undefined while it is well. */
  left: string | undefined;
  suspected: boolean;
}

const PROBE_EVERY_MS = 250;

/**
 * A pool for each host. mysql2's PoolCluster is not used, since it sends every so often a request to a dead node to see
 * whether it is back, and with a node that swallows packets each of them waits for the whole time-out.
 */
export function createNodes(address: MysqlAddress, listener: NodeListener, patient: boolean): Nodes {
  const nodes = address.hosts.map(({ host, port }) => createNode(host, port, address, patient));
  const probes = new Set<NodeJS.Timeout>();
  let closed = false;

  return {
    async acquire() {
      for (const node of nodes) {
        if (node.left !== undefined) continue;
        try {
          return leaseOf(node, await connectionOf(node.pool, address.timeoutMs));
        } catch (error) {
          if (isBusy(error)) throw error;
          leave(node, messageOf(error));
        }
      }
      const causes = nodes.map((node) => `${node.name}: ${node.left ?? 'left just now'}`).join('; ');
      throw Object.assign(new Error(causes), { code: 'POOL_NONE_ANSWERS' });
    },

    async close() {
      closed = true;
      for (const probe of probes) clearTimeout(probe);
      const ended = Promise.all(nodes.map((node) => new Promise((resolve) => node.pool.end(resolve))));
      await Promise.race([ended, wait(address.timeoutMs, undefined, { ref: false })]);
      for (const { connections } of nodes) for (const connection of connections) connection.destroy();
    },
  };

  function leaseOf(node: Node, connection: PoolConnection): Lease {
    return {
      connection,
      leave: (reason) => leave(node, reason),
      suspect: (withinMs) => void suspect(node, withinMs),
      whenLeft(callback) {
        node.leavers.add(callback);
        return () => node.leavers.delete(callback);
      },
    };
  }

  /** One question at a time, however many statements wait. */
  async function suspect(node: Node, withinMs: number): Promise<void> {
    if (node.suspected || node.left !== undefined) return;
    node.suspected = true;
    const refused = await refusal(node.options, withinMs);
    node.suspected = false;
    if (refused !== undefined) leave(node, refused);
  }

  function leave(node: Node, reason: string): void {
    if (node.left !== undefined || closed) return;
    node.left = reason;
    listener({ node: node.name, up: false, reason });
    // A connection to a node that swallows packets would cost whoever uses it later the whole time-out.
    for (const connection of node.connections) connection.destroy();
    for (const callback of node.leavers) callback(reason);
    probeLater(node);
  }

  function probeLater(node: Node): void {
    const timer = setTimeout(async () => {
      probes.delete(timer);
      const refused = await refusal(node.options, address.timeoutMs);
      if (closed) return;
      if (refused !== undefined) {
        node.left = refused;
        return probeLater(node);
      }
      node.left = undefined;
      listener({ node: node.name, up: true });
    }, PROBE_EVERY_MS);
    probes.add(timer.unref());
  }
}

function createNode(host: string, port: number, address: MysqlAddress, patient: boolean): Node {
  const options = connectionOptions(host, port, address);
  const connections = new Set<PoolConnection>();
  const pool = createPool({ ...options, connectionLimit: address.connections, queueLimit: 1000 });
  pool.on('connection', (connection) => {
    connections.add(connection);
    connection.on('end', () => connections.delete(connection));
    connection.on('error', () => connections.delete(connection));
    prepare(connection, patient);
  });
  const well = { left: undefined, suspected: false };
  return { name: `${host}:${port}`, options, pool, connections, leavers: new Set(), ...well };
}

function isBusy(error: unknown): boolean {
  return (error as { code?: unknown }).code === 'POOL_BUSY';
}
