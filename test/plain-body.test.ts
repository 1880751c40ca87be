import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, createConnection } from 'node:net';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import express from 'express';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createLog } from '../src/log.ts';
import { handleErrors } from '../src/middleware/handle-errors.ts';
import { logRequests } from '../src/middleware/log-requests.ts';
import { sandboxRoutes } from '../src/sandbox/routes.ts';
import { startSandbox } from '../src/sandbox/start.ts';
import { createSandboxWeChat } from '../src/sandbox/wechat.ts';
import { type Answer, startApp, type TestApp } from './support/app.ts';

const CALLBACK = { WX_CALLBACK_TOKEN: 'Tq3vN1xR7tY5uW2mP9sD4f' };
const JSON_BODY = '{"user":"Ada"}';

const paths: [string, string][] = [
  ['POST', '/api/wxuser'],
  ['PUT', '/api/wxuser/me'],
  ['DELETE', '/api/wxuser/me'],
  ['POST', '/api/wxuser/me/phone'],
  ['POST', '/api/wxuser/me/avatar'],
  ['POST', '/api/wxuser/logout'],
  ['POST', '/user/wechatlogin'],
  ['POST', '/api/wechat/callback'],
  ['POST', '/sandbox/wx/login'],
  ['POST', '/sandbox/login-button'],
  ['POST', '/sandbox/cgi-bin/stable_token'],
  ['POST', '/sandbox/control/clock'],
  ['PUT', '/sandbox/demo/users/Ada'],
  ['POST', '/sandbox/nothing-here'],
  ['POST', '/nothing-here'],
  ['POST', '/healthz'],
];

const charsets = [
  'utf-7',
  'UTF-7-IMAP',
  'utf-16',
  'utf-16le',
  'utf-32',
  'gb18030',
  'gbk',
  'latin1',
  'iso-8859-1',
  '',
];
const types = [
  ...charsets.map((charset) => `application/json; charset=${charset}`),
  'application/json;charset="utf-7"',
  'application/json ; CharSet = Utf-7',
  'application/json; charset=utf-8; charset=utf-7',
  'application/json; charset=utf-7; charset=utf-8',
  'application/json; x="; charset=utf-8"; charset=utf-7',
  'application/json; charset="ut\\f-7"',
  'application/x-www-form-urlencoded; charset=iso-8859-1',
  'text/xml; charset=gb2312',
  'multipart/form-data; charset=utf-7; boundary=a',
  `application/json; x=${'y'.repeat(300)}`,
];

const broken = (bytes: Buffer) => Buffer.concat([Buffer.alloc(4, 255), bytes.subarray(4)]);
const gzip = gzipSync(JSON_BODY);
const bodies: [string, string, Buffer][] = [
  ['gzip', 'gzip', gzip],
  ['deflate', 'deflate', deflateSync(JSON_BODY)],
  ['br', 'br', brotliCompressSync(JSON_BODY)],
  ['zstd', 'zstd', Buffer.from('28b52ffd', 'hex')],
  ['an x-gzip', 'x-gzip', gzip],
  ['an encoding that nobody knows', 'klingon', Buffer.from(JSON_BODY)],
  ['a gzip in a gzip', 'gzip, gzip', gzipSync(gzip)],
  ['identity around a gzip', 'identity, gzip', gzip],
  ['a GZIP in capitals', 'GZIP', gzip],
  ['a broken gzip', 'gzip', broken(gzip)],
  ['a cut gzip', 'gzip', gzip.subarray(0, -6)],
  ['a broken br', 'br', broken(brotliCompressSync(JSON_BODY))],
  ['a broken deflate', 'deflate', broken(deflateSync(JSON_BODY))],
  ['a gzip bomb', 'gzip', gzipSync('['.repeat(65_000))],
];

/** Sends what `fetch` does not: a body of bytes. */
async function send(
  app: { url: string },
  method: string,
  path: string,
  headers: object,
  body: string | Buffer,
): Promise<Pick<Answer, 'status' | 'body'>> {
  const init = {
    method,
    headers: headers as Record<string, string>,
    body: new Uint8Array(Buffer.from(body)),
  };
  const response = await fetch(app.url + path, init);
  return { status: response.status, body: await response.json() };
}

function expectRefusal(app: TestApp, { status, body }: Pick<Answer, 'status' | 'body'>, what: string): void {
  expect([status, body.code, body.retry], what).toEqual([415, 'unsupported_media_type', 'never']);
  expect(body.messages, what).toMatch(/UTF-8/);
  const line = app.log.at(-1);
  expect(line, what).toMatchObject({ level: 30, status: 415, code: 'unsupported_media_type' });
  expect(line?.['reason'], what).toMatch(/^the request has a [^\n]+$/); // one line: no trace
}

describe('a body that is not plain UTF-8 is refused', () => {
  test('in another charset, on every path', async () => {
    const app = await startApp({ env: CALLBACK });
    for (const type of types)
      for (const [method, path] of paths)
        expectRefusal(
          app,
          await send(app, method, path, { 'Content-Type': type }, JSON_BODY),
          `${path} ${type}`,
        );
  });

  test('compressed, on every path', async () => {
    const app = await startApp({ env: CALLBACK });
    for (const [name, encoding, body] of bodies) {
      const headers = { 'Content-Type': 'application/json', 'Content-Encoding': encoding };
      for (const [method, path] of paths)
        expectRefusal(app, await send(app, method, path, headers, body), `${path} ${name}`);
    }
  });

  test('before a byte of it has come', async () => {
    const app = await startApp();
    const socket = createConnection(Number(new URL(app.url).port), '127.0.0.1');
    onTestFinished(() => void socket.destroy());
    const head = [
      'POST /nothing-here HTTP/1.1',
      'Host: 127.0.0.1',
      'Content-Type: application/json; charset=utf-7',
    ];
    socket.write(`${[...head, 'Content-Length: 60000'].join('\r\n')}\r\n\r\n`);
    const [answer] = await once(socket, 'data');
    expect(String(answer)).toMatch(/^HTTP\/1\.1 415 /);
  });

  test('by the sandbox alone too', async () => {
    const sandbox = await startSandbox();
    onTestFinished(sandbox.close);
    for (const path of ['/wx/login', '/cgi-bin/stable_token', '/control/clock', '/nothing-here']) {
      const { status } = await send(
        sandbox,
        'POST',
        path,
        { 'Content-Type': 'text/plain; charset=utf-7' },
        '{}',
      );
      expect(status, path).toBe(415);
    }
  });
});

test.each([
  ['no charset', { 'Content-Type': 'application/json' }],
  ['utf-8', { 'Content-Type': 'application/json; charset=utf-8' }],
  ['UTF-8 in quotes', { 'Content-Type': 'application/json;charset="UTF-8"' }],
  ['utf8', { 'Content-Type': 'application/json; charset=utf8' }],
  ['"UTF8"', { 'Content-Type': 'application/json; charset="UTF8"' }],
  ['blanks around it', { 'Content-Type': 'application/json ; charset = utf-8 ' }],
  ['twice the same', { 'Content-Type': 'application/json; charset=utf-8; charset=utf8' }],
  ['identity', { 'Content-Type': 'application/json', 'Content-Encoding': 'identity' }],
  ['Identity', { 'Content-Type': 'application/json', 'Content-Encoding': 'Identity' }],
  ['an empty encoding', { 'Content-Type': 'application/json', 'Content-Encoding': '' }],
])('a plain body is read: %s', async (_name, headers) => {
  const app = await startApp();
  for (const path of ['/sandbox/login-button', '/sandbox/cgi-bin/stable_token'])
    expect((await send(app, 'POST', path, headers, JSON_BODY)).status).toBe(200);
  const { code } = await app.button({ user: 'Ada' });
  const { status, body } = await send(app, 'POST', '/api/wxuser', headers, JSON.stringify({ code }));
  expect([status, body.isNew]).toEqual([200, true]);
});

test('a request without a body may bear any header', async () => {
  const app = await startApp();
  const headers = { 'Content-Encoding': 'gzip', 'Content-Type': 'application/json; charset=utf-7' };
  expect((await app.call('GET', '/healthz', undefined, headers)).status).toBe(200);
});

test.each([
  ['equal', 'code=a&'],
  ['different', ''],
])('a form with 1,000 fields that are %s is refused', async (_name, field) => {
  const app = await startApp();
  const form = field ? field.repeat(1000) : Array.from({ length: 1000 }, (_, i) => `f${i}=1`).join('&');
  const headers = { 'Content-Type': 'application/x-www-form-urlencoded' };
  for (const path of ['/api/wxuser', '/user/wechatlogin', '/sandbox/wx/login'])
    expect(await send(app, 'POST', path, headers, form)).toMatchObject({
      status: 413,
      body: { code: 'payload_too_large' },
    });
});

describe('in an app that reads bodies itself, in front of our routes', () => {
  async function startHost() {
    const log: Record<string, unknown>[] = [];
    const host = express();
    host.use(logRequests(createLog('info', { write: (line: string) => void log.push(JSON.parse(line)) })));
    host.use(express.json());
    host.use(sandboxRoutes(createSandboxWeChat(() => new Date())));
    host.use(handleErrors);
    const http = createServer(host).listen(0, '127.0.0.1');
    await once(http, 'listening');
    onTestFinished(() => void http.close());
    return { log, url: `http://127.0.0.1:${(http.address() as AddressInfo).port}` };
  }

  test('what it has read is taken as it is', async () => {
    const host = await startHost();
    const headers = { 'Content-Type': 'application/json', 'Content-Encoding': 'gzip' };
    expect((await send(host, 'POST', '/wx/login', headers, gzip)).status).toBe(200);
    const utf16 = { 'Content-Type': 'application/json; charset=utf-16le' };
    expect((await send(host, 'POST', '/wx/login', utf16, Buffer.from(JSON_BODY, 'utf16le'))).status).toBe(
      200,
    );
  });

  test.each([
    ['a broken gzip', 'gzip', broken(gzip), 400, 'invalid_request'],
    ['a broken br', 'br', broken(brotliCompressSync(JSON_BODY)), 400, 'invalid_request'],
    ['a broken deflate', 'deflate', broken(deflateSync(JSON_BODY)), 400, 'invalid_request'],
    ['an unknown encoding', 'klingon', gzip, 415, 'unsupported_media_type'],
  ])("%s is the client's mistake, and no trace in the log", async (_name, encoding, body, status, code) => {
    const host = await startHost();
    const headers = { 'Content-Type': 'application/json', 'Content-Encoding': encoding };
    expect(await send(host, 'POST', '/wx/login', headers, body)).toMatchObject({ status, body: { code } });
    expect(host.log.at(-1)).toMatchObject({ level: 30, status, code });
    expect(host.log.at(-1)).not.toHaveProperty('reason');
  });
});
