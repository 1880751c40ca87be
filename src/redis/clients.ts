import { createClient, createCluster } from '@redis/client';
import type { RedisAddress } from '../redis-url.ts';
import type { Host } from '../url-parts.ts';
import { CHECK_EVERY_MS, type Health, type Kind, withDeadline } from './connection.ts';
import { isReplica, refusesWrites } from './refusals.ts';

/** A client of one server. */
export type ServerClient = ReturnType<typeof serverClient>;
type ClusterClient = ReturnType<typeof clusterClient>;

/** The commands that we use, the same on a server and on a Cluster. */
export type Commands = Pick<
  ServerClient,
  | 'get'
  | 'set'
  | 'del'
  | 'mGet'
  | 'zAdd'
  | 'zRem'
  | 'zRange'
  | 'zRangeWithScores'
  | 'zRemRangeByScore'
  | 'pExpire'
  | 'publish'
>;

const silent = () => undefined;

/** What is the same for every connection. Fails at once while there is none; RESP2, which older servers and proxies know too. */
function common({ user, password, tls, timeoutMs }: RedisAddress) {
  return {
    RESP: 2,
    disableOfflineQueue: true,
    disableClientInfo: true,
    maintNotifications: 'disabled',
    ...(user !== undefined && { username: user }),
    ...(password !== undefined && { password }),
    socket: { connectTimeout: timeoutMs, ...(tls && { tls: true as const, ...(tls.ca && { ca: tls.ca }) }) },
  } as const;
}

function serverClient(address: RedisAddress, host: Host) {
  const { socket, ...options } = common(address);
  return createClient({
    ...options,
    database: address.database,
    socket: { ...socket, ...host, reconnectStrategy: false },
  });
}

/** A client of the server that `locate` names; it ends with its connection. */
export function serverKind(address: RedisAddress, locate: () => Promise<Host>): Kind<ServerClient> {
  /**
   * Tries to write, and with XX to no key there is: a server that cannot save, is full or became a replica refuses it all
   * the same.
   */
  const limitOf = (client: ServerClient) =>
    unlessWritesAlone(client.set(`${address.prefix}check`, '', { condition: 'XX' }));

  return {
    make: async () => serverClient(address, await locate()).on('error', silent),
    // Its answer too: a server that swallows, or wants another password, takes connections all the same.
    connect: (client) => client.connect().then(() => limitOf(client)),
    check: limitOf,
    // Its name may lead to the new master now.
    mayMove: isReplica,
    onLost: (client, lost) => void client.on('error', lost),
    destroy: (client) => client.destroy(),
  };
}

/** What a server answers, as the cause why it can only read; fails where it is of no use at all. */
export function unlessWritesAlone(answer: Promise<unknown>): Promise<Error | undefined> {
  return answer.then(
    () => undefined,
    (error: Error) => {
      if (refusesWrites(error)) return error;
      throw error;
    },
  );
}

function clusterClient(address: RedisAddress) {
  const { socket: plain, ...options } = common(address);
  // The connection that asks for the slots is out of our reach: without an answer it would stay for ever, and keep the
  // process. The others are checked more often than that.
  const socket = { ...plain, socketTimeout: address.timeoutMs + 2 * CHECK_EVERY_MS };
  // One host is asked after the other: each gets its share of the time, so that one that swallows leaves some.
  const share = Math.ceil(address.timeoutMs / (address.hosts.length + 1));
  const asking = { ...plain, connectTimeout: share, socketTimeout: share };
  return createCluster({
    RESP: 2,
    rootNodes: address.hosts.map((host) => ({ socket: { ...asking, ...host } })),
    defaults: { ...options, socket: { ...socket, reconnectStrategy: () => 100 } },
    // A replica that took the place of a dead master is found out this soon.
    topologyRefreshOnReconnectionAttemptStrategy: 500,
  });
}

/** Told that a node of a Cluster cannot be reached, and that it can again. */
export type NodeListener = (health: Health, node: Host, cause?: Error) => void;

/** A client of a Cluster. It knows by itself which nodes have failed; a node that hangs is found out by asking all. */
export function clusterKind(address: RedisAddress, told: NodeListener): Kind<ClusterClient> {
  const down = new Set<string>();
  return {
    make: async () =>
      clusterClient(address)
        .on('error', silent)
        .on('node-error', (cause: Error, node: Host) => {
          if (down.size < down.add(nameOf(node)).size) told('down', node, cause);
        })
        .on('node-ready', (node: Host) => down.delete(nameOf(node)) && told('up', node)),
    connect: (client) => client.connect().then(() => undefined),
    async check(client) {
      const nodes = client.masters.flatMap((node) => (node.client?.isReady ? node.client : []));
      const limits = await Promise.all(nodes.map((node) => unlessWritesAlone(node.ping())));
      return limits.find(Boolean);
    },
    // It knows by itself where its slots have moved.
    mayMove: () => false,
    onLost: silent,
    destroy: (client) => client.destroy(),
  };
}

/** Where to find what a URL names: the server itself, the master that a Sentinel knows, a Cluster's nodes in turn. */
export function locator(address: RedisAddress): () => Promise<Host> {
  if (address.kind === 'sentinel') return () => masterOf(address);
  let turn = 0;
  return async () => address.hosts[turn++ % address.hosts.length] as Host;
}

/** Asks all at once: one that does not answer costs no time. */
async function masterOf(address: RedisAddress): Promise<Host> {
  try {
    return await Promise.any(address.hosts.map((sentinel) => askSentinel(address, sentinel)));
  } catch (error) {
    const failures = (error as AggregateError).errors.map(({ message }: Error) => message);
    throw new Error(`no Sentinel names a master (${failures.join('; ')})`);
  }
}

/** @see https://redis.io/docs/latest/develop/reference/sentinel-clients/ */
async function askSentinel(address: RedisAddress, sentinel: Host): Promise<Host> {
  const own = { ...address, user: undefined, password: address.sentinelPassword, database: 0 };
  const client = serverClient(own, sentinel).on('error', silent);
  const question = ['SENTINEL', 'GET-MASTER-ADDR-BY-NAME', address.master];
  try {
    const answer = client.connect().then((): Promise<unknown> => client.sendCommand(question));
    const found = await withDeadline(answer, address.timeoutMs);
    if (!Array.isArray(found)) throw new Error(`knows no master named ${address.master}`);
    return { host: String(found[0]), port: Number(found[1]) };
  } catch (error) {
    throw new Error(`${nameOf(sentinel)}: ${(error as Error).message}`);
  } finally {
    client.destroy();
  }
}

export function nameOf({ host, port }: Host): string {
  return `${host}:${port}`;
}
