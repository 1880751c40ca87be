import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import { keepSecret } from './no-secrets.ts';

/** A user of the official vectors, as code2Session tells of him. */
export const SESSION = { session_key: 'tiihtNczf5v6AKRyjwEUhQ==', openid: 'oGZUI0egBJY1zhBYw2KhdUfwVJJE' };

type Reply = (res: ServerResponse, req: IncomingMessage) => void;

export interface StandIn {
  readonly url: string;
  /** The paths and queries it was asked. */
  readonly asked: URL[];
  /** What it answers from now on: one reply for every call, or one after the other with the last one staying. */
  answer(...replies: Reply[]): void;
}

/** A WeChat that answers what a test wants, faults included. */
export async function startStandIn(): Promise<StandIn> {
  let replies: Reply[] = [json(SESSION)];
  const asked: URL[] = [];
  keepSecret(SESSION.session_key);
  keepSecret(SESSION.openid);
  const server = createServer((req, res) => {
    const url = new URL(req.url ?? '', 'http://wechat');
    asked.push(url);
    keepSecret(url.searchParams.get('js_code') ?? undefined);
    const next = replies.length > 1 ? replies.shift() : replies[0];
    next?.(res, req);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    asked,
    answer(...next) {
      replies = next;
    },
  };
}

/** WeChat's manner: 200, JSON as text/plain. */
export const json =
  (body: unknown): Reply =>
  (res) =>
    res.setHeader('Content-Type', 'text/plain').end(JSON.stringify(body));

export const errcode = (code: number, errmsg = 'something, rid: 668f2aa4-51c08c03-3d141241'): Reply =>
  json({ errcode: code, errmsg });

export const text =
  (status: number, type: string, body: string): Reply =>
  (res) =>
    res.writeHead(status, { 'Content-Type': type }).end(body);

/** Never answers. */
export const hang: Reply = () => undefined;

/** Cuts the connection without an answer. */
export const cut: Reply = (res) => res.destroy();
