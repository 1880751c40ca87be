import { setTimeout as wait } from 'node:timers/promises';
import {
  type Connection,
  type ConnectionOptions,
  createConnection,
  createPool,
  type Pool,
  type PoolConnection,
  type RowDataPacket,
} from 'mysql2';
import type { MysqlAddress } from '../database-url.ts';

/** Told when a node is left, with the cause, and when it is taken back. */
export type NodeListener = (event: { node: string; up: boolean; reason?: string }) => void;

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
export function createNodes(address: MysqlAddress, listener: NodeListener): Nodes {
  const nodes = address.hosts.map(({ host, port }) => createNode(host, port, address));
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

function createNode(host: string, port: number, address: MysqlAddress): Node {
  const options: ConnectionOptions = {
    host,
    port,
    user: address.user,
    password: address.password,
    database: address.database,
    charset: 'utf8mb4_unicode_ci', // emoji are four bytes; MySQL's own "utf8" has three
    dateStrings: true, // times go in and out as UTC text, so no time zone can move them
    supportBigNumbers: true,
    connectTimeout: Math.min(address.timeoutMs, 1000),
    enableKeepAlive: true,
    // Without it affectedRows counts rows found; we need the rows changed, to know an insert from an existing row.
    flags: ['-FOUND_ROWS'],
    ...(address.ssl && { ssl: address.ssl }),
  };
  const pool = createPool({ ...options, connectionLimit: address.connections, queueLimit: 1000 });
  const connections = new Set<PoolConnection>();
  pool.on('connection', (connection) => {
    connections.add(connection);
    connection.on('end', () => connections.delete(connection));
    connection.on('error', () => connections.delete(connection));
    prepare(connection);
  });
  return {
    name: `${host}:${port}`,
    options,
    pool,
    connections,
    leavers: new Set(),
    left: undefined,
    suspected: false,
  };
}

/**
 * Runs before whatever the new connection was opened for. Times are UTC; a backslash in a text is what the driver's
 * quoting takes it for (the rest of the server's sql_mode stays: a table may have been made for it); in a Galera
 * cluster a read waits for what was written on other nodes. What speaks the protocol only (Vitess, a proxy) may refuse
 * one or another: it does not have what that guards against.
 */
const PREPARATIONS = [
  "SET SESSION time_zone = '+00:00'",
  "SET SESSION sql_mode = REPLACE(@@SESSION.sql_mode, 'NO_BACKSLASH_ESCAPES', '')",
  'SET SESSION wsrep_sync_wait = 1',
  // A row that somebody else holds is a conflict, told by the server before our own time-out.
  'SET SESSION innodb_lock_wait_timeout = 1',
];

function prepare(connection: Connection): void {
  for (const statement of PREPARATIONS) connection.query(statement, () => undefined);
}

/** Waits for a free connection no longer than for any other answer of the database. */
function connectionOf(pool: Pool, timeoutMs: number): Promise<PoolConnection> {
  return new Promise((resolve, reject) => {
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      reject(
        Object.assign(new Error(`no connection was free within ${timeoutMs} ms`), { code: 'POOL_BUSY' }),
      );
    }, timeoutMs);
    pool.getConnection((error, connection) => {
      clearTimeout(timer);
      if (late) return error ? undefined : connection.release();
      return error ? reject(error) : resolve(connection);
    });
  });
}

/** Why a node does not take statements, or nothing. A Galera node outside its cluster answers 1047 to any. */
function refusal(options: ConnectionOptions, timeoutMs: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const connection = createConnection(options);
    const finish = (reason?: string) => {
      clearTimeout(timer);
      connection.destroy();
      resolve(reason);
    };
    const timer = setTimeout(() => finish(`did not answer within ${timeoutMs} ms`), timeoutMs);
    connection.on('error', (error) => finish(messageOf(error)));
    connection.query('SELECT 1', (error) => {
      if (error) return finish(messageOf(error));
      // A former primary answers, but takes no writes. Who does not know the variable (a proxy) is taken at his word.
      connection.query<RowDataPacket[]>('SELECT @@GLOBAL.read_only AS readOnly', (_error, rows) =>
        finish(rows?.[0]?.['readOnly'] ? 'is read-only' : undefined),
      );
    });
  });
}

function isBusy(error: unknown): boolean {
  return (error as { code?: unknown }).code === 'POOL_BUSY';
}

function messageOf(error: unknown): string {
  const { code, message } = error as { code?: string; message?: string };
  return message || code || 'no answer';
}
