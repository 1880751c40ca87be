import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import express, { type ErrorRequestHandler } from 'express';
import { UnauthorizedError } from 'express-jwt';
import {
  createLog,
  createParts,
  handleErrors,
  loadConfig,
  openStores,
  sandboxRoutes,
  wxuserRoutes,
} from '../src/index.ts';
import { ORDERS } from './orders.ts';
import { variants } from './variants.ts';

// The server of one variant: its name is the argument, its settings are the environment. It says its port to the
// process that forked it, and then, whenever it is asked, how much CPU time it has taken.

const variant = variants.find(({ name }) => name === process.argv[2]);
if (!variant) throw new Error(`there is no variant ${process.argv[2]}`);

const refuseAsTutorial: ErrorRequestHandler = (error, _req, res, next) => {
  if (!(error instanceof UnauthorizedError)) return next(error);
  return res.status(401).send({ status: 401, message: 'invalid token' });
};

// A server waits for its turn longer than the 5 s that Node keeps a connection.
const http = createServer({ keepAliveTimeout: 65_000 }).listen(0, '127.0.0.1');
await once(http, 'listening');
const { port } = http.address() as AddressInfo;

const config = loadConfig(process.env);
const log = createLog('silent');
const stores = await openStores(config, log);
const sandboxBase = `http://127.0.0.1:${port}/sandbox`;
const parts = createParts(config, { stores, log, sandboxBase });

const app = express();
// Before everything else, so that the bare route is as bare as one can be.
app.get('/orders', ...variant.guards(parts, config.jwt.secret ?? ''), (_req, res) => {
  res.json(ORDERS);
});
app.use(express.json());
if (parts.sandbox) app.use('/sandbox', sandboxRoutes(parts.sandbox));
app.use(wxuserRoutes(parts));
app.use(refuseAsTutorial);
app.use(handleErrors);
http.on('request', app);

process.on('disconnect', () => process.exit());
process.on('message', () => process.send?.(process.cpuUsage()));
process.send?.(port);
