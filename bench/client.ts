import { once } from 'node:events';
import { createConnection, type Socket } from 'node:net';
import { ORDERS_BODY } from './orders.ts';

/** Some kept connections to one server, each with one call under way at a time. */
export interface Client {
  /**
   * Sends so many calls, taken in turn from those given, as fast as they are answered.
   * @returns how long each took, in milliseconds, the shortest first
   * @throws on the first answer that is not 200 with the orders
   */
  send(calls: readonly Buffer[], count: number): Promise<Float64Array>;
  close(): void;
}

const PATIENCE_MS = 10_000;
const GOOD = 'HTTP/1.1 200 ';
const LENGTH = `\r\nContent-Length: ${ORDERS_BODY.length}\r\n`;
const BLANK_LINE = '\r\n\r\n';

/** Bare sockets instead of node:http: a client that costs more than the server would measure itself. */
export async function connect(port: number, connections: number): Promise<Client> {
  const sockets = Array.from({ length: connections }, () => createConnection({ port, host: '127.0.0.1' }));
  for (const socket of sockets) socket.setNoDelay().setTimeout(PATIENCE_MS).setEncoding('latin1');
  await Promise.all(sockets.map((socket) => once(socket, 'connect')));
  // One that breaks while it waits for its turn fails that turn.
  for (const socket of sockets) socket.on('error', () => undefined);
  let turn = 0;

  return {
    async send(calls, count) {
      const took = new Float64Array(count);
      let sent = 0;
      const next = () =>
        sent < count ? { index: sent++, call: calls[turn++ % calls.length] ?? '' } : undefined;
      await Promise.all(sockets.map((socket) => lane(socket, next, took)));
      return took.sort();
    },
    close() {
      for (const socket of sockets) socket.destroy();
    },
  };
}

type Next = () => { readonly index: number; readonly call: Buffer | string } | undefined;

/** One connection at work. With callbacks: a promise per call would be a good part of the client's cost. */
function lane(socket: Socket, next: Next, took: Float64Array): Promise<void> {
  return new Promise((resolve, reject) => {
    let index = 0;
    let startedAt = 0;
    let answer = '';

    function call(): void {
      const now = next();
      if (!now) {
        end(resolve);
        return;
      }
      index = now.index;
      answer = '';
      startedAt = performance.now();
      socket.write(now.call);
    }

    function onData(text: string): void {
      answer += text;
      const verdict = judge(answer);
      if (verdict === 'right') {
        took[index] = performance.now() - startedAt;
        call();
      } else if (verdict === 'wrong') {
        onFailure(new Error(`an answer that is not the orders: ${answer}`));
      }
    }

    function onFailure(error?: Error | boolean): void {
      end(() => reject(error instanceof Error ? error : new Error('the server closed a connection')));
    }

    function onTimeout(): void {
      onFailure(new Error(`no answer in ${PATIENCE_MS} ms`));
    }

    function end(settle: () => void): void {
      socket.off('data', onData).off('error', onFailure).off('close', onFailure).off('timeout', onTimeout);
      settle();
    }

    socket.on('data', onData).on('error', onFailure).on('close', onFailure).on('timeout', onTimeout);
    if (socket.destroyed) onFailure();
    else call();
  });
}

/** Whether all of the right answer is there, some of it, or something else. */
function judge(answer: string): 'right' | 'cut' | 'wrong' {
  if (!answer.startsWith(GOOD)) return GOOD.startsWith(answer) ? 'cut' : 'wrong';
  const head = answer.indexOf(BLANK_LINE);
  if (head < 0) return 'cut';
  if (!answer.includes(LENGTH)) return 'wrong';
  const body = answer.slice(head + BLANK_LINE.length);
  if (body === ORDERS_BODY) return 'right';
  return ORDERS_BODY.startsWith(body) ? 'cut' : 'wrong';
}
