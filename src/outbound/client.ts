import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { TLSSocket } from 'node:tls';
import axios, { type AxiosResponse, type CreateAxiosDefaults } from 'axios';
import type { HttpProxy } from './proxy.ts';

/** An HTTP client for another server. Every status is an answer. */
export function createClient(proxy: HttpProxy | undefined, options: CreateAxiosDefaults, maxSockets = 16) {
  const agents = {
    httpAgent: new HttpAgent({ keepAlive: true, maxSockets }),
    httpsAgent: new HttpsAgent({ keepAlive: true, maxSockets }),
  };
  const client = axios.create({
    ...agents,
    maxRedirects: 0, // an API has no business redirecting
    transformResponse: (body: unknown) => body,
    validateStatus: () => true,
    // Its own reading of the environment sends a password as it stands there, percent-encoded.
    proxy: proxy ?? false,
    ...options,
  });
  return {
    request: client.request.bind(client),
    close() {
      agents.httpAgent.destroy();
      agents.httpsAgent.destroy();
    },
  };
}

/** Whether the proxy answered, and not the server behind it: the answer came without the TLS that the server speaks. */
export function isOfProxy({ status, config, request }: AxiosResponse): boolean {
  if (!config.proxy) return false;
  const isTls = new URL(config.url ?? '', config.baseURL).protocol === 'https:';
  return status === 407 || (isTls && !(request?.socket instanceof TLSSocket));
}
