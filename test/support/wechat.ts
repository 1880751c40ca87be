import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import { keepSecret } from './no-secrets.ts';

/** A user of the official vectors, as code2Session tells of him. */
export const SESSION = { session_key: 'tiihtNczf5v6AKRyjwEUhQ==', openid: 'oGZUI0egBJY1zhBYw2KhdUfwVJJE' };

export type Reply = (res: ServerResponse, req: IncomingMessage) => void;

export interface StandIn {
  readonly url: string;
  /** The paths and queries it was asked. */
  readonly asked: URL[];
  /** What it was asked and has read whole, with the bodies of POSTs. */
  readonly requests: readonly Asked[];
  /** How often a path was asked. */
  count(path: string): number;
  /** What it answers from now on: one reply for every call, or one after the other with the last one staying. */
  answer(...replies: Reply[]): void;
  /** The same for one path, which `answer` then does not reach. */
  answerAt(path: string, ...replies: Reply[]): void;
}

export interface Asked {
  readonly method: string | undefined;
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly type: string | undefined;
  // biome-ignore lint/suspicious/noExplicitAny: whatever the client sends; the tests assert its shape
  readonly body: any;
}

/** A WeChat that answers what a test wants, faults included. */
export async function startStandIn(): Promise<StandIn> {
  const replies = new Map<string, Reply[]>([['*', [json(SESSION)]]]);
  const asked: URL[] = [];
  const requests: Asked[] = [];
  keepSecret(SESSION.session_key);
  keepSecret(SESSION.openid);
  const server = createServer(async (req, res) => {
    const url = new URL(req.url ?? '', 'http://wechat');
    const { pathname: path } = url;
    asked.push(url);
    const read = await bodyOf(req);
    const query = Object.fromEntries(url.searchParams);
    const body = read ? JSON.parse(read) : undefined;
    requests.push({ method: req.method, path, query, type: req.headers['content-type'], body });
    for (const name of PRIVATE) for (const values of [query, body]) keepSecret(values?.[name]);
    const prepared = replies.get(path) ?? replies.get('*') ?? [];
    const next = prepared.length > 1 ? prepared.shift() : prepared[0];
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
    requests,
    count: (path) => asked.filter((url) => url.pathname === path).length,
    answer: (...next) => void replies.set('*', next),
    answerAt: (path, ...next) => void replies.set(path, next),
  };
}

/** What of a request is nobody else's business. */
const PRIVATE = [
  'js_code',
  'code',
  'secret',
  'access_token',
  'signature',
  'openid',
  'content',
  'encrypted_msg_hash',
];

async function bodyOf(req: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of req) text += chunk;
  return text;
}

/** WeChat's manner: 200, JSON as text/plain. */
export const json =
  (body: unknown): Reply =>
  (res) =>
    res.setHeader('Content-Type', 'text/plain').end(JSON.stringify(body));

export const errcode = (code: number, errmsg = 'something, rid: 668f2aa4-51c08c03-3d141241'): Reply =>
  json({ errcode: code, errmsg });

/** An access_token as WeChat's: `NN_` and 140 characters. */
export function newToken(): string {
  const value = `86_${randomBytes(105).toString('base64url')}`;
  keepSecret(value);
  return value;
}

/** Gives a token, or with none named a new one each time. */
export const token =
  (value?: string, expiresIn = 7200): Reply =>
  (res, req) =>
    json({ access_token: value ?? newToken(), expires_in: expiresIn })(res, req);

/** Answers when it is let go; `asked` tells that somebody waits. */
export function held(reply: Reply): { reply: Reply; asked: Promise<void>; letGo(): void } {
  let letGo: () => void = () => undefined;
  let wasAsked: () => void = () => undefined;
  const free = new Promise<void>((resolve) => (letGo = resolve));
  const asked = new Promise<void>((resolve) => (wasAsked = resolve));
  return {
    asked,
    letGo,
    reply(res, req) {
      wasAsked();
      void free.then(() => reply(res, req));
    },
  };
}

export const text =
  (status: number, type: string, body: string): Reply =>
  (res) =>
    res.writeHead(status, { 'Content-Type': type }).end(body);

/** Never answers. */
export const hang: Reply = () => undefined;

/** Cuts the connection without an answer. */
export const cut: Reply = (res) => res.destroy();
