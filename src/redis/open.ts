import type { Ends } from '../auth/sessions.ts';
import { AppError } from '../errors.ts';
import { scrub } from '../log.ts';
import { parseRedisUrl } from '../redis-url.ts';
import { type Commands, clusterKind, locator, nameOf, serverKind } from './clients.ts';
import { type Connection, keepOpen, withDeadline } from './connection.ts';
import { createEnds } from './ends.ts';

/** An open Redis. */
export interface Redis {
  /** How every key begins. */
  readonly prefix: string;
  /** Runs commands. @throws {AppError} `database_unavailable` when Redis cannot do them now */
  run<T>(work: (commands: Commands) => Promise<T>): Promise<T>;
  /** Fails with `database_unavailable` while Redis cannot serve logins. */
  ping(): Promise<void>;
  /** What instances tell each other. */
  readonly ends: Ends;
  close(): Promise<void>;
}

/** Told when Redis, or one node of a Cluster, goes away and comes back. */
export type RedisListener = (event: {
  readonly what: string;
  readonly up: boolean;
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
  const tell = (what: string) => (up: boolean, cause?: Error) =>
    listener({ what, up, ...(cause && { reason: said(cause) }) });
  const watch = { timeoutMs, changed: tell('redis') };
  const connection: Connection<Commands> =
    address.kind === 'cluster'
      ? keepOpen(
          clusterKind(address, (up, node, cause) => tell(`redis node ${nameOf(node)}`)(up, cause)),
          watch,
        )
      : keepOpen(serverKind(address, locator(address)), watch);
  const ends = createEnds(address, run, tell('redis subscription'));

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
