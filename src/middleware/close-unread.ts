import type { IncomingMessage, ServerResponse } from 'node:http';
import type { RequestHandler } from 'express';
import { hasBody } from './plain-body.ts';

/**
 * How long, and how much, we still take from a client that is sending while our answer is on its way. Many read no answer before they
 * have sent everything: of those that said how much that is, a picture that is far too large still ends with our sentence.
 */
const LINGER = { ms: 1000, bytes: 1_048_576 };
const LINGER_DECLARED = { ms: 5000, bytes: 64 * 1_048_576 };

/** So much is read after the answer, so that a connection can be kept: Node does, within its requestTimeout. */
const READ_ANYWAY = 65_536;

const guarded = new WeakSet<IncomingMessage>();

/**
 * What of a large or chunked body is unread when the answer is sent stays unread: the connection closes. Node would read on to
 * its end, which may never come. A client reads an answer only while its connection stands, so what is on its way is taken for
 * a moment and dropped.
 */
export function closeUnread(req: IncomingMessage, res: ServerResponse, readAnyway = READ_ANYWAY): void {
  if (guarded.has(req) || res.headersSent || req.complete || !hasBody(req)) return;
  if (Number(req.headers['content-length']) <= readAnyway) return;
  guarded.add(req);
  res.setHeader('Connection', 'close');
  req.once('end', () => {
    if (!res.headersSent) res.removeHeader('Connection');
  });
  res.once('prefinish', () => {
    if (!req.complete) linger(req);
  });
}

/** The same for every request that comes by. */
export const closingUnread: RequestHandler = (req, res, next) => {
  closeUnread(req, res);
  next();
};

function linger(req: IncomingMessage): void {
  const { socket, headers } = req;
  const { ms, bytes } = headers['content-length'] === undefined ? LINGER : LINGER_DECLARED;
  // Node calls it when the answer is sent: it would close at once, and the client's next byte be answered with a reset.
  socket.destroySoon = () => socket.end();
  const close = setTimeout(() => socket.destroy(), ms);
  socket.once('close', () => clearTimeout(close));
  let left = bytes;
  req.on('data', (piece: Buffer) => {
    left -= piece.length;
    if (left < 0) req.pause();
  });
  req.resume();
}
