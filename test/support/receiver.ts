import { createDecipheriv, createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { onTestFinished } from 'vitest';

/** A push as it came in. */
export interface Received {
  readonly method: string;
  readonly query: Readonly<Record<string, string>>;
  readonly type: string | undefined;
  readonly body: string;
}

type Reply = (res: ServerResponse, received: Received) => void;

export interface Receiver {
  readonly url: string;
  readonly received: readonly Received[];
  /** What it answers from now on: one reply for every push, or one after the other with the last one staying. */
  answer(...replies: Reply[]): void;
  /** Waits until so many pushes came in. */
  has(count: number): Promise<readonly Received[]>;
}

/** A developer's callback that answers the echostr, and `success` to a push. */
export async function startReceiver(): Promise<Receiver> {
  const received: Received[] = [];
  let replies: Reply[] = [(res, { query }) => void res.end(query['echostr'] ?? 'success')];
  const server = createServer(async (req, res) => {
    const url = new URL(req.url ?? '', 'http://callback');
    const push = {
      method: req.method ?? '',
      query: Object.fromEntries(url.searchParams),
      type: req.headers['content-type'],
      body: await text(req),
    };
    received.push(push);
    const reply = replies.length > 1 ? replies.shift() : replies[0];
    reply?.(res, push);
    server.emit('received');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/callback?room=7`,
    received,
    answer(...next) {
      replies = next;
    },
    async has(count) {
      while (received.length < count) await once(server, 'received');
      return received;
    },
  };
}

/** WeChat's signature, made without the sandbox's code. */
export function sign(...texts: (string | undefined)[]): string {
  return createHash('sha1').update(texts.sort().join('')).digest('hex');
}

/** Opens an encrypted message as WeChat's page describes it, without the sandbox's code. */
export function open(sealed: string, encodingAESKey: string) {
  const key = Buffer.from(`${encodingAESKey}=`, 'base64');
  const decipher = createDecipheriv('aes-256-cbc', key, key.subarray(0, 16)).setAutoPadding(false);
  const padded = Buffer.concat([decipher.update(sealed, 'base64'), decipher.final()]);
  const padding = padded.at(-1) ?? 0;
  const plain = padded.subarray(0, padded.length - padding);
  const length = plain.readUInt32BE(16);
  return {
    padded: padded.length,
    padding,
    random: plain.subarray(0, 16).toString(),
    message: plain.subarray(20, 20 + length).toString(),
    appid: plain.subarray(20 + length).toString(),
  };
}
