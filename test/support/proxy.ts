import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** Stands between a client and a server on loopback, and takes the server away and back. */
export interface Proxy {
  readonly port: number;
  /** Ends every connection and refuses new ones. */
  cut(): Promise<void>;
  /** Lets new connections through again. */
  mend(): Promise<void>;
  /** Keeps every connection, takes new ones, and lets nothing through any more: a network that swallows. */
  swallow(): void;
  /** Lets nothing through on the connections there are, and takes new ones: a firewall that forgets. */
  forget(): void;
}

export async function startProxy(targetPort: number): Promise<Proxy> {
  const sockets = new Set<Socket>();
  let swallowing = false;
  const server = createServer((client) => {
    if (swallowing) return void sockets.add(client);
    const target = connect(targetPort, '127.0.0.1');
    for (const [one, other] of [
      [client, target],
      [target, client],
    ] as const) {
      sockets.add(one);
      one.pipe(other);
      one
        .on('error', () => undefined)
        .on('close', () => {
          sockets.delete(one);
          other.destroy();
        });
    }
  });
  await listen(0);
  const { port } = server.address() as AddressInfo;

  return {
    port,
    async cut() {
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
    async mend() {
      swallowing = false;
      if (!server.listening) await listen(port);
    },
    swallow() {
      swallowing = true;
      forget();
    },
    forget,
  };

  function forget(): void {
    for (const socket of sockets) socket.unpipe().pause();
  }

  async function listen(where: number): Promise<void> {
    server.listen(where, '127.0.0.1');
    await once(server, 'listening');
  }
}
