import type { Ends } from '../auth/sessions.ts';
import { AppError } from '../errors.ts';
import { scrub } from '../log.ts';
import { parseRedisUrl } from '../redis-url.ts';
import { type Commands, clusterKind, locator, nameOf, serverKind } from './clients.ts';
import { type Connection, type Health, keepOpen, withDeadline } from './connection.ts';
import { createEnds } from './ends.ts';
import { probe } from './probe.ts';
import { isReplica } from './refusals.ts';

/** An open Redis. */
export interface Redis {
  /** How every key begins. */
  readonly prefix: string;
  /** Runs commands. @throws {AppError} `database_unavailable` when Redis cannot do them now */
  run<T>(work: (commands: Commands) => Promise<T>): Promise<T>;
  /** Fails with `database_unavailable` while Redis cannot serve logins. */
  ping(): Promise<void>;
  /** Fails with `database_unavailable` where Redis lacks anything that is needed. */
  probe(): Promise<void>;
  /** Whether a replica answers: the master may know of sessions that it has not heard of. */
  readonly isReplica: boolean;
  /** What instances tell each other. */
  readonly ends: Ends;
  close(): Promise<void>;
}

/** Told when Redis, or one node of a Cluster, goes away, can only be read, and comes back. */
export type RedisListener = (event: {
  readonly what: string;
  readonly health: Health;
  readonly reason?: string;
}) => void;

/**
 * Opens what a `REDIS_URL` names, and goes on trying while it cannot be reached.
 * @param url `redis://…`, `redis-cluster://…` or `redis-sentinel://…`: see redis-url.ts
 */
export function openRedis(url: string, listener: RedisListener = () => undefined): Redis {
  const address = parseRedisUrl(url);
  const { timeoutMs, prefix } = address;
  const where = address.hosts.map(nameOf).join(', ');
  const tell = (what: string) => (health: Health, cause?: Error) =>
    listener({ what, health, ...(cause && { reason: said(cause) }) });
  const watch = { timeoutMs, changed: tell('redis') };
  const connection: Connection<Commands> =
    address.kind === 'cluster'
      ? keepOpen(
          clusterKind(address, (health, node, cause) => tell(`redis node ${nameOf(node)}`)(health, cause)),
          watch,
        )
      : keepOpen(serverKind(address, locator(address)), watch);
  const ends = createEnds(address, { run, publisher }, tell('redis subscription'));

  /** What is published on a replica does not reach those who listen at the master. */
  async function publisher(): Promise<Commands> {
    const commands = await connection.client();
    if (connection.limit && isReplica(connection.limit)) throw connection.limit;
    return commands;
  }

  async function run<T>(work: (commands: Commands) => Promise<T>): Promise<T> {
    try {
      return await withDeadline(connection.client().then(work), timeoutMs);
    } catch (error) {
      throw new AppError('database_unavailable', { reason: `Redis at ${where}: ${said(error as Error)}` });
    }
  }

  return {
    prefix,
    run,
    // A write that needs memory, as a login does. A Cluster answers it only where its node, and with its usual settings
    // every other, is well.
    ping: () =>
      run(async (commands) => {
        await commands.set(`${prefix}ping`, '', { expiration: { type: 'PX', value: timeoutMs } });
        await commands.del(`${prefix}ping`);
      }),
    probe: () => probe({ run, prefix }),
    get isReplica() {
      return isReplica(connection.limit);
    },
    ends,
    async close() {
      await Promise.all([connection.close(), ends.close()]);
    },
  };
}

/** A message of the server may quote what it was sent: its beginning only. */
function said({ message }: Error): string {
  return scrub(message, 200);
}
