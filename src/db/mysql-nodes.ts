import { setTimeout as wait } from 'node:timers/promises';
import type { Connection, ConnectionOptions } from 'mysql2';
import type { MysqlAddress } from '../database-url.ts';
import { type ConnectionPool, createConnectionPool } from './connection-pool.ts';
import { isAnswer } from './failures.ts';
import { connectionOptions, messageOf, openConnection, refusal } from './mysql-connections.ts';

/** Told when a node is left or gives fewer connections than are wanted, with the cause, and when that is over. */
export type NodeListener = (event: NodeEvent) => void;

export interface NodeEvent {
  readonly node: string;
  readonly what: 'left' | 'back' | 'fewer connections' | 'all connections';
  readonly reason?: string;
  /** How many there are, and how many are wanted. */
  readonly connections?: number;
  readonly wanted?: number;
}

/** The servers of one address. A request never has to find out that a server is dead: one that failed is left. */
export interface Nodes {
  /** A connection to the first node that is well. Fails with a `code` of the driver, or `POOL_*`. */
  acquire(): Promise<Lease>;
  close(): Promise<void>;
}

export interface Lease {
  readonly connection: Connection;
  release(): void;
  /** Ends the connection. */
  discard(): void;
  /** The connection is lost. Those that nobody uses may be too, so the next one is new, and shows whether the node is there. */
  lost(): void;
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
  readonly pool: ConnectionPool<Connection>;
  readonly connections: Set<Connection>;
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
  const nodes = address.hosts.map(({ host, port }) => createNode(`${host}:${port}`, host, port));
  const probes = new Set<NodeJS.Timeout>();
  let closed = false;

  return {
    async acquire() {
      for (const node of nodes) {
        if (node.left !== undefined) continue;
        try {
          return leaseOf(node, await node.pool.acquire());
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
      const open = nodes.flatMap(({ connections }) => [...connections]);
      const ended = Promise.all(open.map(end));
      await Promise.race([ended, wait(address.timeoutMs, undefined, { ref: false })]);
      const cause = Object.assign(new Error('the database is closed'), { code: 'POOL_CLOSED' });
      for (const { pool } of nodes) pool.closeAll(cause);
    },
  };

  function createNode(name: string, host: string, port: number): Node {
    const options = connectionOptions(host, port, address);
    const connections = new Set<Connection>();
    const pool = createConnectionPool<Connection>({
      size: address.connections,
      timeoutMs: address.timeoutMs,
      isOnlyFull: isAnswer,
      async open() {
        // Whoever waits for it shall learn what came of it.
        const { connection } = await openConnection(options, address.timeoutMs * 0.9, patient);
        connections.add(connection);
        const ended = () => {
          connections.delete(connection);
          pool.remove(connection);
        };
        connection.on('end', ended).on('error', ended);
        return connection;
      },
      close(connection) {
        connections.delete(connection);
        connection.destroy();
      },
      onLimit(limit) {
        const wanted = address.connections;
        if (!limit) return listener({ node: name, what: 'all connections', connections: wanted, wanted });
        const reason = messageOf(limit.cause);
        listener({ node: name, what: 'fewer connections', connections: limit.connections, wanted, reason });
      },
    });
    return { name, options, pool, connections, leavers: new Set(), left: undefined, suspected: false };
  }

  function leaseOf(node: Node, connection: Connection): Lease {
    const discard = () => {
      node.connections.delete(connection);
      connection.destroy();
      node.pool.remove(connection);
    };
    return {
      connection,
      discard,
      release: () => node.pool.release(connection),
      lost() {
        discard();
        node.pool.closeIdle();
      },
      leave: (reason) => leave(node, reason),
      suspect: (withinMs) => void suspect(node, withinMs),
      whenLeft(callback) {
        node.leavers.add(callback);
        return () => node.leavers.delete(callback);
      },
    };
  }

  /** One question at a time, however many statements wait. A node that is full of connections answers too. */
  async function suspect(node: Node, withinMs: number): Promise<void> {
    if (node.suspected || node.left !== undefined) return;
    node.suspected = true;
    const refused = await refusal(node.options, withinMs);
    node.suspected = false;
    if (refused && !isAnswer(refused)) leave(node, messageOf(refused));
  }

  function leave(node: Node, reason: string): void {
    if (node.left !== undefined || closed) return;
    node.left = reason;
    listener({ node: node.name, what: 'left', reason });
    // A connection to a node that swallows packets would cost whoever uses it later the whole time-out.
    node.pool.closeAll(new Error(reason));
    for (const callback of node.leavers) callback(reason);
    probeLater(node);
  }

  function probeLater(node: Node): void {
    const timer = setTimeout(async () => {
      probes.delete(timer);
      const refused = await refusal(node.options, address.timeoutMs);
      if (closed) return;
      if (refused) {
        node.left = messageOf(refused);
        return probeLater(node);
      }
      node.left = undefined;
      listener({ node: node.name, what: 'back' });
    }, PROBE_EVERY_MS);
    probes.add(timer.unref());
  }
}

/** Waits until the server has ended it too: a next one may need its place. */
function end(connection: Connection): Promise<void> {
  return new Promise((resolve) => {
    const ended = () => resolve();
    connection.on('end', ended).on('error', ended).end();
  });
}

function isBusy(error: unknown): boolean {
  return (error as { code?: unknown }).code === 'POOL_BUSY';
}
