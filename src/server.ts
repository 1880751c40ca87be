import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type AppParts, createApp } from './app.ts';
import type { Config } from './config.ts';
import { boundConnections } from './connections.ts';
import type { Logger } from './log.ts';
import { createParts } from './parts.ts';
import { reachable } from './reachable.ts';
import { openStores } from './stores.ts';

export interface RunningServer {
  /** Where it listens, as a program on this machine reaches it: `http://127.0.0.1:8888`. */
  readonly url: string;
  /** Where it listens, as it is bound. */
  readonly address: AddressInfo;
  /** Takes no new request, lets those in flight finish (at most `graceMs`), then closes what is open. */
  close(graceMs?: number): Promise<void>;
}

export interface ServerOptions {
  readonly log: Logger;
  /** The clock. */
  readonly now?: () => Date;
}

const GRACE_MS = 10_000;

/** How long a connection may take for what, in milliseconds. */
const TIMES = {
  headersTimeout: 10_000,
  // Above what our own routes allow (an upload 30 s), which they answer with a sentence.
  requestTimeout: 40_000,
  connectionsCheckingInterval: 2000, // Node would look every 30 s, whatever the two above say
  // Kept longer than a load balancer keeps its side (60 s is usual), so that it never writes to a closed connection.
  keepAliveTimeout: 65_000,
};

/** A connection on which nothing moves for so long is closed: its client takes no answer. No answer takes us longer. */
const QUIET_MS = 180_000;

/**
 * Opens the database and Redis, for which it waits as START_WAIT says, listens, and answers from the first request on.
 * @throws {AppError} `database_unavailable`, or the system's error when the port is taken.
 */
export async function startServer(config: Config, { log, now }: ServerOptions): Promise<RunningServer> {
  const http = createServer(TIMES);
  http.setTimeout(QUIET_MS);
  boundConnections(http, (most) => {
    const reason = `all ${most} connections are in use: those that keep us waiting longest are closed; ulimit -n allows more`;
    log.warn({ connections: most, reason }, 'connections are full');
  });
  const stores = await openStores(config, log);
  let parts: AppParts;
  let address: AddressInfo;
  let url: string;
  try {
    await stores.redis?.probe();
    http.listen(config.port, config.host);
    await once(http, 'listening');
    // The sandbox is a WeChat at our own address, which is known only now.
    address = http.address() as AddressInfo;
    url = reachable(address);
    parts = createParts(config, { log, stores, sandboxBase: `${url}/sandbox`, ...(now && { now }) });
    http.on('request', createApp(parts));
  } catch (error) {
    http.close();
    await stores.close();
    throw error;
  }

  let closed: Promise<void> | undefined;
  return { url, address, close: (graceMs = GRACE_MS) => (closed ??= close(graceMs)) };

  async function close(graceMs: number): Promise<void> {
    await finishRequests(http, graceMs);
    await parts.close();
    await stores.close();
  }
}

async function finishRequests(http: Server, graceMs: number): Promise<void> {
  const closed = once(http, 'close');
  http.close();
  // A kept connection whose last answer is sent would hold the server for its whole keep-alive time.
  const idle = setInterval(() => http.closeIdleConnections(), 50);
  const late = setTimeout(() => http.closeAllConnections(), graceMs);
  await closed;
  clearInterval(idle);
  clearTimeout(late);
}
