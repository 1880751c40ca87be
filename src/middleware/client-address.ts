import type { Request } from 'express';
import { parseAddress } from '../ip-address.ts';

/**
 * The client's IP address: what the trusted proxies say, else the peer of the connection. Never another text, whatever a header
 * holds; empty where the connection has no address (a Unix socket) or is gone.
 */
export function clientAddress(req: Request): string {
  return parseAddress(req.ip ?? '') ?? parseAddress(req.socket.remoteAddress ?? '') ?? '';
}
