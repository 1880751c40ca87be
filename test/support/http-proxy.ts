import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

/** A proxy of a company: it knows every name, and leads it to one place. */
export interface HttpProxyServer {
  readonly port: number;
  /** What it was asked: `CONNECT api.weixin.qq.com:443`, `GET http://store.test/x`. */
  readonly asked: readonly string[];
  /** The users and passwords that it was given, as they are. */
  readonly given: readonly string[];
}

interface Options {
  /** `user:password` that it wants; anybody may use it by default. */
  readonly wants?: string;
  /** What it answers instead of asking on. */
  readonly refusal?: number;
  /** Where whatever it is asked for is: an HTTP server; through a tunnel, a TLS one. */
  readonly target?: string;
}

export async function startHttpProxy({
  wants,
  refusal,
  target = '',
}: Options = {}): Promise<HttpProxyServer> {
  const asked: string[] = [];
  const given: string[] = [];

  /** The status of a refusal, if it is one. */
  function admit(req: IncomingMessage): number | undefined {
    asked.push(`${req.method} ${req.url?.replace(/\?.*/, '')}`);
    const basic = req.headers['proxy-authorization']?.replace('Basic ', '') ?? '';
    given.push(Buffer.from(basic, 'base64').toString());
    return wants !== undefined && given.at(-1) !== wants ? 407 : refusal;
  }

  const proxy = createServer((req, res) => {
    const status = admit(req);
    if (status) return void res.writeHead(status).end('<html>refused</html>');
    pass(req, res, target);
  });
  proxy.on('connect', (req, client: Socket) => {
    const status = admit(req);
    client.on('error', () => undefined);
    if (status) return void client.end(`HTTP/1.1 ${status} Refused\r\nContent-Length: 0\r\n\r\n`);
    const server = connect(Number(new URL(target).port), '127.0.0.1', () => {
      client.write('HTTP/1.1 200 OK\r\n\r\n');
      server.pipe(client).pipe(server);
    });
    server.on('error', () => client.destroy());
    onTestFinished(() => void server.destroy());
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  onTestFinished(() => void proxy.close().closeAllConnections());
  return { port: (proxy.address() as AddressInfo).port, asked, given };
}

/** Asks a server the same, under its own name. */
export function pass(req: IncomingMessage, res: ServerResponse, target: string): void {
  const { pathname, search } = new URL(req.url ?? '', target);
  const { host: _host, 'proxy-authorization': _auth, connection: _connection, ...headers } = req.headers;
  const there = request(`${target}${pathname}${search}`, { method: req.method, headers }, (answer) => {
    res.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(res);
  });
  there.on('error', () => res.destroy());
  req.pipe(there);
}
