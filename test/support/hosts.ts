import { once } from 'node:events';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import express, { type ErrorRequestHandler, type Express, type RequestHandler } from 'express';
import { onTestFinished } from 'vitest';
import * as weapp from '../../src/index.ts';
import { freshSqlite } from './engines.ts';
import { keepLog } from './no-secrets.ts';

type ExpressModule = typeof express;

/** Another version's types would be another module's; what the tests use of it is the same in both. */
const express4: ExpressModule = createRequire(import.meta.url)('express4');
export const versions: { readonly version: string; readonly express: ExpressModule }[] = [
  { version: 'Express 5', express },
  { version: 'Express 4.22', express: express4 },
];

/** Somebody's app, into which the parts are mounted. */
export interface Host {
  readonly url: string;
  readonly parts: ReturnType<typeof weapp.createParts>;
  readonly stores: weapp.Stores;
  readonly log: readonly Record<string, unknown>[];
}

interface HostOptions {
  readonly express: ExpressModule;
  readonly env?: Record<string, string>;
  /** Where the parts are reached, such as `/wx`. */
  readonly prefix?: string;
  mount(app: Express, parts: Host['parts']): void;
}

/** Starts an app on a free port; it ends with the test. */
export async function startHost({ express, env = {}, prefix = '', mount }: HostOptions): Promise<Host> {
  const database = await freshSqlite();
  const http = createServer().listen(0, '127.0.0.1');
  await once(http, 'listening');
  const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
  const config = weapp.loadConfig({ DATABASE_URL: database.url, PUBLIC_URL: url + prefix, ...env });
  const lines: Record<string, unknown>[] = [];
  const log = weapp.createLog('debug', {
    write(line) {
      keepLog(line);
      lines.push(JSON.parse(line));
    },
  });
  const stores = await weapp.openStores(config, log);
  const parts = weapp.createParts(config, { stores, log, sandboxBase: `${url}${prefix}/sandbox` });
  const app = express();
  app.use(weapp.logRequests(log));
  mount(app, parts);
  http.on('request', app);
  onTestFinished(async () => {
    http.close();
    http.closeAllConnections();
    await parts.close();
    await stores.close();
    await database.drop();
  });
  return { url, parts, stores, log: lines };
}

export class HostError extends Error {}

/** What the app has of its own: pages, a 404 and an error handler; at last our error handler, as README says. */
export function mountOwn(app: Express): void {
  app.get('/own', (_req, res) => void res.send('the page of the host'));
  app.get('/own/broken', () => {
    throw new HostError('broken');
  });
  app.use(((_req, res) => void res.status(404).send('the host has no such page')) satisfies RequestHandler);
  app.use(((error, _req, res, next) => {
    if (!(error instanceof HostError)) return next(error);
    return res.status(418).send(`the host says: ${error.message}`);
  }) satisfies ErrorRequestHandler);
  app.use(weapp.handleErrors);
}

/** A way to put the parts into an app, and where they are reached then. */
export interface Mounting {
  readonly name: string;
  readonly prefix?: string;
  readonly mount: (express: ExpressModule) => HostOptions['mount'];
}

const parsersOf = ({ json, urlencoded }: ExpressModule) => [json(), urlencoded({ extended: false })];

/** An app or a Router. */
interface Mountable {
  use(path: string, ...handlers: RequestHandler[]): unknown;
}

function mountRest(app: Mountable, parts: Host['parts']): void {
  if (parts.sandbox) app.use('/sandbox', weapp.sandboxRoutes(parts.sandbox));
  app.use(
    '/',
    weapp.wxuserRoutes(parts),
    weapp.koaRoutes(parts),
    weapp.avatarRoutes(parts),
    weapp.jwksRoutes(parts),
  );
  app.use('/orders', parts.requireLogin, (req, res) => void res.json({ ordersOf: weapp.bearerOf(req).id }));
}

function mountAll(app: Mountable, parts: Host['parts']): void {
  app.use('/', weapp.callbackRoutes(parts));
  mountRest(app, parts);
}

export const mountings: readonly [Mounting, ...Mounting[]] = [
  {
    name: 'as README says, in front of the body parsers',
    mount: (express) => (app, parts) => {
      mountAll(app, parts);
      app.use(...parsersOf(express));
    },
  },
  {
    name: 'behind the body parsers',
    mount: (express) => (app, parts) => {
      app.use(...parsersOf(express));
      mountAll(app, parts);
    },
  },
  {
    name: 'behind the body parsers, but for the callback',
    mount: (express) => (app, parts) => {
      app.use(weapp.callbackRoutes(parts));
      app.use(...parsersOf(express));
      mountRest(app, parts);
    },
  },
  {
    name: 'without body parsers, under a prefix, in a Router',
    prefix: '/wx',
    mount: (express) => (app, parts) => {
      const router = express.Router();
      mountAll(router, parts);
      app.use('/wx', router);
    },
  },
  {
    name: 'in an app of its own, under a prefix, behind the body parsers',
    prefix: '/wx',
    mount: (express) => (app, parts) => {
      const inner = express();
      app.use(...parsersOf(express));
      mountAll(inner, parts);
      app.use('/wx', inner);
    },
  },
];
