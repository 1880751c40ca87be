import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { promisify } from 'node:util';
import { expect, inject, onTestFinished, test } from 'vitest';
import { connect } from '../bench/client.ts';
import { ORDERS_BODY, ordersCall } from '../bench/orders.ts';
import { variants } from '../bench/variants.ts';
import { createApp, createLog, createParts, loadConfig, openStores } from '../src/index.ts';
import { redisThere } from './support/engines.ts';

test('npm run bench measures every variant, and compares it with a bare route', async () => {
  const mysqlUrl = inject('mysqlUrl');
  const env = { ...process.env, ...(mysqlUrl && { TEST_MYSQL_URL: mysqlUrl }) };
  const { stdout } = await promisify(execFile)('npm', ['run', '--silent', 'bench', '--', '--quick'], { env });

  const lines = stdout.split('\n');
  const measured = (name: string) => lines.filter((line) => line.startsWith(`${name}  `));
  const ratio = /^.{20,}? [\d.]+ \([\d.]+–[\d.]+\) +\d+\.\d\d \(\d+\.\d\d–\d+\.\d\d\) /;
  for (const { name, store } of variants) {
    const there = { SQLite: true, MariaDB: mysqlUrl !== undefined, Redis: redisThere }[store ?? 'SQLite'];
    const inTables = there ? [expect.stringMatching(ratio), expect.stringMatching(ratio)] : [];
    expect(measured(name), name).toEqual(inTables);
  }
  expect(stdout).toMatch(/Node v\d+.*, \d+ cores/);
  expect(stdout).toMatch(/The client takes [\d.]+/);
}, 120_000);

test('npm run bench:block sends each route its worst, and none is an error of ours', async () => {
  const args = ['run', '--silent', 'bench:block', '--', '--quick', '--all'];
  const { stdout } = await promisify(execFile)('npm', args, { maxBuffer: 10_000_000 });
  expect(stdout).toMatch(/Node v\d+.*, \d+ cores/);
  expect(stdout).toMatch(/\n(?:None is over|Over) 10 ms/);

  const row = /^(any|[A-Z]+ \/\S*) +(\d+\.\d\d) +(\d+\.\d\d) +(\d+) +(.+)$/;
  const rows = stdout.split('\n').flatMap((line) => [row.exec(line)?.slice(1) ?? []]);
  const sent = rows.filter((cells) => cells.length > 0);
  for (const [route, , , status, name] of sent)
    expect(Number(status), `${route}: ${name}`).toBeOneOf([200, 400, 401, 403, 404, 413, 415, 431]);
  const statusOf = (name: string) => sent.find((cells) => cells[4] === name)?.[3];
  for (const name of ['a body in utf-7', 'a body in gb18030', 'a gzip bomb'])
    expect(statusOf(name)).toBe('415');
  expect(statusOf('nothing hostile')).toBe('200');

  const routes = new Set(sent.map(([route]) => route ?? ''));
  const missed = (await pathsOfApp()).filter((path) => ![...routes].some((route) => route.endsWith(path)));
  expect(missed, 'paths without a request').toEqual([]);
}, 120_000);

/** Every path that a router of the app takes, without where that router stands. */
async function pathsOfApp(): Promise<string[]> {
  const config = loadConfig({ DATABASE_URL: 'sqlite::memory:', WX_CALLBACK_TOKEN: 'Zb8rLq5yGn1eJk0cVh' });
  const log = createLog('silent');
  const stores = await openStores(config, log);
  onTestFinished(() => stores.close());
  const app = createApp(createParts(config, { stores, log, sandboxBase: 'http://127.0.0.1/sandbox' }));

  interface Layer {
    readonly route?: { readonly path: string | string[] };
    readonly handle: { readonly stack?: Layer[] };
  }
  const pathsOf = (stack: Layer[]): string[] =>
    stack.flatMap(({ route, handle }) => (route ? route.path : pathsOf(handle.stack ?? [])));
  return pathsOf(app.router.stack as unknown as Layer[]);
}

test.each([
  ['a refusal', 401, ORDERS_BODY],
  ['another body', 200, ORDERS_BODY.replace('1', '2')],
  ['no body', 200, ''],
])('the bench fails on %s among good answers', async (_, status, body) => {
  let calls = 0;
  const server = createServer((_req, res) => {
    calls += 1;
    const [code, text] = calls === 50 ? [status, body] : [200, ORDERS_BODY];
    res.writeHead(code, { 'Content-Length': text.length }).end(text);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());

  const client = await connect((server.address() as AddressInfo).port, 4);
  onTestFinished(client.close);
  expect(await client.send([ordersCall('a'), ordersCall('b')], 40)).toHaveLength(40);
  await expect(client.send([ordersCall('a')], 40)).rejects.toThrow('an answer that is not the orders');
});
