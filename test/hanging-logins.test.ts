import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { get } from 'node:http';
import { createConnection, type Socket } from 'node:net';
import { platform } from 'node:os';
import { expect, onTestFinished, test } from 'vitest';
import { mostConnections } from '../src/connections.ts';
import { MAX_CALLS } from '../src/wechat/http.ts';
import { realSettings } from './support/app.ts';
import { hasCommands } from './support/commands.ts';
import { runServer } from './support/process.ts';
import { until } from './support/until.ts';
import { hang, held, json, SESSION, startStandIn } from './support/wechat.ts';

const LOGINS = 2000;
const CALLS = 200;

/** What became of the logins so far. */
interface Hanging {
  /** Told at once to come later. */
  refused: number;
  /** Its connection ended without an answer. */
  dropped: number;
  readonly sockets: Socket[];
}

/** Sends logins, each on a connection of its own, whatever becomes of the others. */
function sendLogins(port: number): Hanging {
  const hanging: Hanging = { refused: 0, dropped: 0, sockets: [] };
  for (let i = 0; i < LOGINS; i++) {
    const body = JSON.stringify({ code: `hanging-${i}` });
    const socket = createConnection({ port, host: '127.0.0.1' }).setEncoding('latin1');
    let answer = '';
    socket.on('error', () => undefined);
    socket.on('close', () => {
      if (answer === '') hanging.dropped += 1;
    });
    socket.on('data', (piece) => {
      const isFirst = answer === '';
      answer += piece;
      if (isFirst && /^HTTP\/1\.1 503 [\s\S]*\r\nRetry-After: /.test(answer)) hanging.refused += 1;
    });
    const head = `Host: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: ${body.length}`;
    socket.write(`POST /api/wxuser HTTP/1.1\r\n${head}\r\n\r\n${body}`);
    hanging.sockets.push(socket);
  }
  return hanging;
}

/** A protected call on a connection of its own: its status, and how long it took. */
async function callMe(port: number, token: string): Promise<{ status: number | undefined; ms: number }> {
  const started = performance.now();
  const call = get({ port, path: '/api/wxuser/me', headers: { Authorization: token }, agent: false });
  const [answer] = await once(call, 'response');
  answer.resume();
  await once(answer, 'end');
  return { status: answer.statusCode, ms: performance.now() - started };
}

function openFilesOf(pid: number | undefined): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

function residentMegabytes(pid: number | undefined): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024);
}

/** Whether what a process has open can be looked at, and bounded. */
const onLinux = platform() === 'linux' && hasCommands('sh');

test.skipIf(!onLinux).each([
  ['as many files as the system allows', undefined],
  ['ulimit -n 1024', 1024],
])(
  '2,000 logins that hang at WeChat: with %s, protected calls are answered meanwhile',
  { timeout: 60_000 },
  async (name, files) => {
    const wechat = await startStandIn();
    wechat.answer(json(SESSION));
    const settings = { ...realSettings(wechat.url), WX_TIMEOUT_MS: '60000', LOGIN_RATE_LIMIT: '100000' };
    const wrapper = files === undefined ? [] : ['sh', '-c', `ulimit -n ${files}; exec "$@"`, 'sh'];
    const server = await runServer({ ...settings, HOST: '127.0.0.1' }, undefined, { wrapper });
    const port = Number(new URL(server.url).port);
    const login = await fetch(`${server.url}/api/wxuser`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: '{"code":"good"}',
    });
    const { token } = (await login.json()) as { token: string };

    wechat.answer(hang);
    const hanging = sendLogins(port);
    onTestFinished(() => {
      for (const socket of hanging.sockets) socket.destroy();
    });
    const calls = [];
    for (let i = 0; i < CALLS; i++) calls.push(await callMe(port, token));
    const over = () => hanging.refused + hanging.dropped >= LOGINS - MAX_CALLS;
    await until('all but those that hang are told', async () => over());

    const took = calls.map(({ ms }) => ms).toSorted((a, b) => a - b);
    const open = openFilesOf(server.child.pid);
    const figures = {
      refusedAtOnce: hanging.refused,
      dropped: hanging.dropped,
      openFiles: open,
      rssMegabytes: residentMegabytes(server.child.pid),
      protectedCalls: { p50: took[CALLS / 2]?.toFixed(1), p99: took[CALLS * 0.99]?.toFixed(1) },
    };
    process.stdout.write(`\n${LOGINS} logins hang, ${name}: ${JSON.stringify(figures)}\n`);
    expect(calls.map(({ status }) => status)).toEqual(Array(CALLS).fill(200));
    expect(hanging.refused + hanging.dropped).toBe(LOGINS - MAX_CALLS);
    if (files === undefined) expect(hanging.dropped).toBe(0);
    else expect(open).toBeLessThan(files);
  },
);

const LOGIN = 'POST /api/wxuser HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n';

test.skipIf(!onLinux).each([
  ['say nothing', ''],
  ['stop within a head', 'GET /api/wxuser/me HTTP/1.1\r\nHost: '],
  ['stop within a body', `${LOGIN}Content-Length: 100\r\n\r\n{`],
  ['stop within an endless body', `${LOGIN}Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n`],
  ['have had their answer', 'GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n'],
])('connections that %s make room for others', async (_name, said) => {
  const wrapper = ['sh', '-c', 'ulimit -n 512; exec "$@"', 'sh'];
  const settings = { HOST: '127.0.0.1', LOGIN_RATE_LIMIT: '100000' };
  const server = await runServer(settings, undefined, { wrapper });
  const port = Number(new URL(server.url).port);
  const flood = Array.from({ length: 700 }, () => createConnection({ port, host: '127.0.0.1' }));
  onTestFinished(() => {
    for (const socket of flood) socket.destroy();
  });
  for (const socket of flood)
    socket
      .on('error', () => undefined)
      .resume()
      .write(said);
  await server.prints(/connections are full/);
  const statuses = [];
  for (let i = 0; i < 20; i++) statuses.push((await callMe(port, '')).status);
  expect(statuses).toEqual(Array(20).fill(401));
  expect(openFilesOf(server.child.pid)).toBeLessThan(512);
});

test.skipIf(!onLinux)('a request that we are working on makes no room', async () => {
  const wechat = await startStandIn();
  const answer = held(json(SESSION));
  wechat.answer(answer.reply);
  const wrapper = ['sh', '-c', 'ulimit -n 512; exec "$@"', 'sh'];
  const settings = { ...realSettings(wechat.url), WX_TIMEOUT_MS: '60000', HOST: '127.0.0.1' };
  const server = await runServer(settings, undefined, { wrapper });
  const init = { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{"code":"c"}' };
  const login = fetch(`${server.url}/api/wxuser`, init);
  await answer.asked;
  const port = Number(new URL(server.url).port);
  const flood = Array.from({ length: 700 }, () => createConnection({ port, host: '127.0.0.1' }));
  onTestFinished(() => {
    for (const socket of flood) socket.destroy();
  });
  for (const socket of flood) socket.on('error', () => undefined).resume();
  await server.prints(/connections are full/);
  answer.letGo();
  expect((await login).status).toBe(200);
});

test.each([
  [1024, 768],
  [20_000, 19_744],
  [256, 192],
])('of %i files that a process may open, %i are for connections', (files, connections) => {
  expect(mostConnections(files)).toBe(connections);
});
