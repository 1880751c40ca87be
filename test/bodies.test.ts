import { describe, expect, test } from 'vitest';
import { startSandbox } from '../src/sandbox/start.ts';
import { startApp } from './support/app.ts';
import { jpeg } from './support/pictures.ts';
import { CHUNKED, chunk, head, openSender, type Sender } from './support/sender.ts';
import { multipart, upload } from './support/uploads.ts';

const JSON_TYPE = { 'Content-Type': 'application/json' };
const FORM_TYPE = { 'Content-Type': 'application/x-www-form-urlencoded' };
const UPLOAD_TYPE = { 'Content-Type': 'multipart/form-data; boundary=b' };
const PART = '--b\r\nContent-Disposition: form-data; name="f"; filename="f.jpg"\r\n\r\n';
const CALLBACK = { WX_CALLBACK_TOKEN: 'Tq3vN1xR7tY5uW2mP9sD4f' };
const MEGABYTE = 1_048_576;
/** What is on its way on loopback, and what we linger for. */
const SOME_MEGABYTES = 20 * MEGABYTE;

async function start() {
  const app = await startApp({ env: CALLBACK });
  const login = async (user: string): Promise<string> => (await app.login({ user })).body.token;
  return { app, login, ada: await login('Ada') };
}

type Ask = [what: string, method: string, path: string, headers: Record<string, string>, status: number];

const asks: Ask[] = [
  ['JSON', 'POST', '/api/wxuser', JSON_TYPE, 413],
  ['JSON with a token', 'PUT', '/api/wxuser/me', { ...JSON_TYPE, token: 'Ada' }, 413],
  ['JSON without a token', 'GET', '/api/wxuser/me', JSON_TYPE, 401],
  ['a form', 'POST', '/api/wxuser', FORM_TYPE, 413],
  ['a pushed message', 'POST', '/api/wechat/callback', { 'Content-Type': 'text/xml' }, 413],
  ['a call of the sandbox', 'POST', '/sandbox/cgi-bin/stable_token', JSON_TYPE, 413],
  ['a form for the sandbox', 'POST', '/sandbox/login-button', FORM_TYPE, 413],
  ['an upload', 'POST', '/api/wxuser/me/avatar', { ...UPLOAD_TYPE, token: 'Ada' }, 413],
  ['an upload without a token', 'POST', '/api/wxuser/me/avatar', UPLOAD_TYPE, 401],
  [
    'an upload of another type',
    'POST',
    '/api/wxuser/me/avatar',
    { 'Content-Type': 'a/b', token: 'Ada' },
    415,
  ],
  ['what is in latin1', 'POST', '/api/wxuser', { 'Content-Type': 'text/plain; charset=latin1' }, 415],
  ['what is no body of ours', 'POST', '/api/wxuser', { 'Content-Type': 'text/plain' }, 415],
  ['what nobody asked for', 'POST', '/nowhere', { 'Content-Type': 'text/plain' }, 404],
  ['what nobody reads', 'GET', '/healthz', { 'Content-Type': 'text/plain' }, 200],
  ['a body of a login without a token', 'GET', '/api/wxuser/me', { 'Content-Type': 'text/plain' }, 401],
];

const PIECE = 'x'.repeat(16_384);

describe.each([
  ['chunked', CHUNKED, chunk(PIECE)],
  ['of a length of 1 TB', { 'Content-Length': '1000000000000' }, PIECE],
])('an endless body, %s', (_name, framing, piece) => {
  test('is answered, and the connection ends soon', { timeout: 60_000 }, async () => {
    const { app, ada } = await start();
    const { url, close } = await startSandbox();
    const sendAll = asks.map(async ([what, method, path, { token, ...headers }, status]) => {
      const sender = openSender(app.url);
      const begin = headers['Content-Type'] === UPLOAD_TYPE['Content-Type'] ? PART : '';
      const login = token === undefined ? {} : { Authorization: ada };
      sender.write(head(method, path, { ...headers, ...login, ...framing } as Record<string, string>));
      if (framing === CHUNKED && begin) sender.write(chunk(begin));
      sender.writeForever(piece);
      const answer = await sender.ended;
      expect(answer, what).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
      expect(answer, what).toMatch(/\r\nConnection: close\r\n/);
      expect(answer, what).toMatch(/\}$|\w$/); // to its end
      expect(sender.sent, what).toBeLessThan(SOME_MEGABYTES);
    });
    await Promise.all(sendAll);
    const alone = openSender(url);
    alone.write(
      head('POST', '/cgi-bin/stable_token', { ...JSON_TYPE, ...framing } as Record<string, string>),
    );
    alone.writeForever(piece);
    expect(await alone.ended).toMatch(/^HTTP\/1.1 413 /);
    expect(alone.sent).toBeLessThan(SOME_MEGABYTES);
    await close();
  });
});

test('a client that is still sending when it is refused can read why', async () => {
  const { app, ada } = await start();
  const body = 'x'.repeat(400_000);
  for (let round = 0; round < 10; round++) {
    const answer = await app.call('POST', '/api/wxuser', body, FORM_TYPE);
    expect([answer.status, answer.body.code]).toEqual([413, 'payload_too_large']);
    const big = await upload(app, ada, Buffer.alloc(6 * MEGABYTE, 1));
    expect([big.status, big.body.code]).toEqual([413, 'payload_too_large']);
  }
});

test('a connection whose body was read is kept, whatever the answer was', async () => {
  const { app, ada } = await start();
  const sender = openSender(app.url);
  const picture = Buffer.from(await multipart([['name="f"; filename="f"', await jpeg(1)]]).arrayBuffer());
  const type = { 'Content-Type': 'multipart/form-data; boundary=boundary0' };
  const length = (body: string | Buffer) => ({ 'Content-Length': String(body.length) });
  const requests: [string, string, Record<string, string>, string | Buffer, number][] = [
    ['POST', '/api/wxuser', JSON_TYPE, '{}', 400],
    ['POST', '/api/wxuser', FORM_TYPE, 'a=b', 400],
    ['POST', '/api/wxuser/logout', JSON_TYPE, '{"all":1}', 401], // short enough to be read afterwards
    ['POST', '/nowhere', JSON_TYPE, '{"a":1}', 404],
    ['POST', '/api/wxuser/me/avatar', { ...type, Authorization: ada }, picture, 200],
    ['PUT', '/api/wxuser/me', { ...JSON_TYPE, Authorization: ada }, '{"nickName":"Ada L"}', 200],
    ['GET', '/api/wxuser/me', { Authorization: ada }, '', 200],
  ];
  for (const [index, [method, path, headers, body, status]] of requests.entries()) {
    sender.write(head(method, path, { ...headers, ...(body && length(body)) }));
    sender.write(body);
    const answer = await sender.answers(index + 1);
    expect(answer.split('HTTP/1.1 ')[index + 1], `${method} ${path}`).toMatch(new RegExp(`^${status} `));
  }
  expect(sender.answer()).not.toContain('Connection: close');
  sender.write(head('POST', '/api/wxuser', { ...JSON_TYPE, ...CHUNKED }));
  for (const piece of [chunk('{"code"'), chunk(':""}'), chunk('')]) sender.write(piece);
  expect((await sender.answers(requests.length + 1)).split('HTTP/1.1 ').at(-1)).toMatch(/^400 /);
  expect(sender.answer()).not.toContain('Connection: close');
});

test('a body that trickles is told so in seconds, and the connection closes', {
  timeout: 40_000,
}, async () => {
  const { app, ada, login } = await start();
  const upload = { ...UPLOAD_TYPE, ...CHUNKED };
  const [bob, eve] = [await login('Bob'), await login('Eve')];
  const slow: [string, string, Record<string, string>, string][] = [
    ['JSON', '/api/wxuser', { ...JSON_TYPE, ...CHUNKED }, chunk(' ')],
    ['a form', '/api/wxuser', { ...FORM_TYPE, 'Content-Length': '60000' }, 'a'],
    ['a pushed message', '/api/wechat/callback', CHUNKED, chunk('<')],
    ['the sandbox', '/sandbox/sns/jscode2session', CHUNKED, chunk('<')],
    ['an upload that sends nothing', '/api/wxuser/me/avatar', { ...upload, Authorization: ada }, ''],
    [
      'an upload that trickles',
      '/api/wxuser/me/avatar',
      { ...upload, Authorization: bob },
      chunk('x'.repeat(50)),
    ],
    [
      'an upload that stops',
      '/api/wxuser/me/avatar',
      { ...upload, Authorization: eve },
      chunk(PART + 'x'.repeat(100_000)),
    ],
  ];
  const answers = slow.map(async ([what, path, headers, piece]) => {
    const sender = openSender(app.url);
    sender.write(head('POST', path, headers));
    if (what === 'an upload that stops') sender.write(piece);
    else if (piece) sender.trickle(piece, 100);
    const answer = await sender.ended;
    expect(answer, what).toMatch(/^HTTP\/1.1 408 /);
    expect(answer, what).toContain('"code":"request_too_slow"');
    expect(answer, what).toContain('"retry":"later"');
    expect(answer, what).toContain('Connection: close');
  });
  await Promise.all(answers);
  const reasons = app.log.filter((line) => line['status'] === 408).map((line) => String(line['reason']));
  expect(reasons.filter((reason) => reason.includes('not whole after 10000 ms'))).toHaveLength(4);
  expect(reasons.filter((reason) => reason.includes('in 5000 ms'))).toHaveLength(3);
});

/** Begins an upload, and sends so much of it. */
function beginUpload(url: string, token: string, bytes = 0): Sender {
  const sender = openSender(url);
  sender.write(
    head('POST', '/api/wxuser/me/avatar', {
      ...UPLOAD_TYPE,
      Authorization: token,
      'Content-Length': String(5 * MEGABYTE),
    }),
  );
  sender.write(PART);
  if (bytes > 0) sender.write(Buffer.alloc(bytes, 1));
  return sender;
}

test('uploads that send nothing keep nobody waiting', async () => {
  const { app, login, ada } = await start();
  const silent = await Promise.all(
    Array.from({ length: 40 }, async (_, i) => beginUpload(app.url, await login(`User ${i}`))),
  );
  expect((await upload(app, ada, await jpeg(1))).status).toBe(200);
  // Still they wait, and have heard nothing.
  expect(silent.map((sender) => sender.answer())).toEqual(silent.map(() => ''));
});

test('uploads that stop before their end take a bounded memory: the oldest makes room', async () => {
  const { app, login, ada } = await start();
  const senders: Sender[] = [];
  for (let i = 0; i < 9; i++) senders.push(beginUpload(app.url, await login(`User ${i}`), 4.9 * MEGABYTE));
  for (let i = 9; i < 12; i++) senders.push(beginUpload(app.url, await login(`User ${i}`), 4.9 * MEGABYTE));
  const first = senders[0] as Sender;
  expect(await first.ended).toMatch(/^HTTP\/1.1 429 [\s\S]*"code":"too_many_requests"/);
  expect((await upload(app, ada, await jpeg(1))).status).toBe(200);
});
