import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { promisify } from 'node:util';
import { expect, inject, onTestFinished, test } from 'vitest';
import { connect } from '../bench/client.ts';
import { ORDERS_BODY, ordersCall } from '../bench/orders.ts';
import { variants } from '../bench/variants.ts';
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
