import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { createApp, createLog, createParts, loadConfig, openStores } from '../../src/index.ts';

// The whole server, in a process of its own. It says its port to the process that forked it, and then, whenever it is asked,
// how long the longest block since the last time was, in milliseconds.

const http = createServer({ keepAliveTimeout: 65_000 }).listen(0, '127.0.0.1');
await once(http, 'listening');
const { port } = http.address() as AddressInfo;

const config = loadConfig(process.env);
const log = createLog('info', { write: () => undefined });
const stores = await openStores(config, log);
const parts = createParts(config, { stores, log, sandboxBase: `http://127.0.0.1:${port}/sandbox` });
http.on('request', createApp(parts));

// A loop that never rests: what is between two of its turns is a block. A timer could not tell one that is shorter than a
// millisecond. The CPU time leaves out what other processes take of the machine, the clock what threads beside ours do.
let before = now();
let longest = 0;
(function turn() {
  const { clock, cpu } = now();
  longest = Math.max(longest, Math.min(clock - before.clock, cpu - before.cpu));
  before = { clock, cpu };
  setImmediate(turn);
})();

function now(): { clock: number; cpu: number } {
  const { user, system } = process.cpuUsage();
  return { clock: performance.now(), cpu: (user + system) / 1000 };
}

process.on('disconnect', () => process.exit());
process.on('message', async () => {
  await wait(2); // what comes after the answer, such as the log's line, is a part of it
  process.send?.(longest);
  longest = 0;
});
process.send?.(port);
