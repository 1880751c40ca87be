import type { Application, Request } from 'express';
import { parseAddress } from '../ip-address.ts';

/**
 * The client's IP address: what the trusted proxies say, else the peer of the connection. Never another text, whatever a header
 * holds; empty where the connection has no address (a Unix socket) or is gone.
 */
export function clientAddress(req: Request): string {
  return parseAddress(req.ip ?? '') ?? parseAddress(req.socket.remoteAddress ?? '') ?? '';
}

/** Tells an app which proxies to believe. */
export function trustProxies(app: Application, proxies: boolean | number | string[]): void {
  app.set('trust proxy', proxies);
  if (!Array.isArray(proxies)) return;
  const isTrusted = app.get('trust proxy fn') as (address: string, hop: number) => boolean;
  // Some proxies append their client with its port.
  app.set('trust proxy', (address: string, hop: number) => isTrusted(parseAddress(address) ?? address, hop));
}
