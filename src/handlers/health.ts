import type { RequestHandler } from 'express';
import { reply } from './reply.ts';

const ALIVE = { zh: '服务运行中', en: 'Alive' };
const READY = { zh: '服务就绪', en: 'Ready' };

/** The process answers. */
export const alive: RequestHandler = (req, res) => reply(req, res, ALIVE, {});

/** The database answers too: logins can be served. */
export function ready({ ping }: { readonly ping: () => Promise<void> }): RequestHandler {
  return async (req, res) => {
    await ping();
    reply(req, res, READY, {});
  };
}
