import { once } from 'node:events';
import { mkdirSync, mkdtempSync, utimesSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import express from 'express';
import sharp from 'sharp';
import { describe, expect, inject, onTestFinished, test } from 'vitest';
import { createTurns } from '../src/avatars/turns.ts';
import * as weapp from '../src/index.ts';
import { realSettings, startApp, type TestApp } from './support/app.ts';
import { engines, type FreshDatabase, freshSqlite } from './support/engines.ts';
import { jpeg, photograph, picture } from './support/pictures.ts';
import { until } from './support/until.ts';
import { filesIn, multipart, send, upload } from './support/uploads.ts';
import { startStandIn } from './support/wechat.ts';

type Parts = ReturnType<typeof weapp.createParts>;

const newFolder = () => join(mkdtempSync(join(inject('folder'), 'avatars-')), 'avatars');

interface How {
  readonly folder?: string;
  readonly env?: Record<string, string>;
  readonly database?: FreshDatabase;
}

async function start({ folder = newFolder(), env = {}, database }: How = {}) {
  const settings = { AVATAR_STORE: `file:${folder}`, ...env };
  const app = await startApp({ ...(database && { database }), env: settings });
  const login = async (user: string): Promise<string> => (await app.login({ user })).body.token;
  return { app, folder, login, ada: await login('Ada') };
}

const avatarOf = async (app: TestApp, row = 0) => (await app.rows())[row]?.avatar ?? '';
const fetchPicture = async (url: string) => Buffer.from(await (await fetch(url)).arrayBuffer());
const nameOf = (url: string) => url.split('/').at(-1) ?? '';
const me = (app: TestApp, token: string, method = 'GET', body?: object) =>
  app.call(method, '/api/wxuser/me', body, { Authorization: token });

describe.each(engines)('my picture, on $name', ({ fresh }) => {
  test('is stored, is in my row as what I set here, and can be shown', async () => {
    const { app, folder, ada } = await start({ database: await fresh() });
    await app.login({ user: 'Bob' });
    const [before, bob] = await app.rows();
    const { status, body } = await upload(app, ada, await picture('jpeg'), { language: 'zh' });
    expect(status).toBe(200);
    expect(body).toMatchObject({ status: 200, messages: '头像已更新', user: { nickName: 'Ada' } });
    expect(body.user.avatar).toMatch(new RegExp(`^${app.url}/avatars/[0-9a-f]{64}\\.jpg$`));

    const [after, bobAfter] = await app.rows();
    const { avatar } = body.user;
    expect(after).toEqual({ ...before, avatar, own_avatar: 1, updated_at: after?.updated_at });
    expect(bobAfter).toEqual(bob);
    expect((await app.login({ user: 'Ada', avatarUrl: 'https://example.com/x.png' })).body.user.avatar).toBe(
      avatar,
    );
    expect(filesIn(folder)).toEqual([nameOf(avatar)]);
    expect(await sharp(await fetchPicture(avatar)).metadata()).toMatchObject({ format: 'jpeg', width: 512 });
  });

  test('another one takes its place, and the first is gone', async () => {
    const { app, folder, ada } = await start({ database: await fresh() });
    const first = (await upload(app, ada, await jpeg(1))).body.user.avatar;
    const second = (await upload(app, ada, await jpeg(2))).body.user.avatar;
    expect(second).not.toBe(first);
    expect(filesIn(folder)).toEqual([nameOf(second)]);
    expect(await (await fetch(first)).json()).toMatchObject({ status: 404, code: 'not_found' });
    expect((await upload(app, ada, await jpeg(2))).body.user.avatar).toBe(second);
    expect(filesIn(folder)).toEqual([nameOf(second)]);
  });

  test('the same picture of two users: when one replaces or erases his, the other’s stays', async () => {
    const { app, folder, login, ada } = await start({ database: await fresh() });
    const [bob, eve] = [await login('Bob'), await login('Eve')];
    const same = await jpeg(3);
    for (const token of [ada, bob, eve]) expect((await upload(app, token, same)).status).toBe(200);
    await upload(app, ada, await jpeg(4));
    expect((await me(app, bob, 'DELETE')).status).toBe(200);
    const kept = (await me(app, eve)).body.user.avatar;
    expect(await sharp(await fetchPicture(kept)).metadata()).toMatchObject({ format: 'jpeg' });
    expect(filesIn(folder)).toEqual([nameOf(await avatarOf(app)), nameOf(kept)].toSorted());
  });

  test('erasing the account and setting another address remove it', async () => {
    const { app, folder, login, ada } = await start({ database: await fresh() });
    const bob = await login('Bob');
    await upload(app, ada, await jpeg(5));
    await upload(app, bob, await jpeg(6));
    await me(app, ada, 'DELETE');
    expect(filesIn(folder)).toEqual([nameOf(await avatarOf(app))]);
    await me(app, bob, 'PUT', { avatar: 'https://example.com/bob.png' });
    expect(filesIn(folder)).toEqual([]);
  });

  test('whoever writes another’s address into his row cannot have it removed', async () => {
    const { app, folder, login, ada } = await start({ database: await fresh() });
    const hers = (await upload(app, ada, await jpeg(7))).body.user.avatar;
    for (const [name, end] of [
      ['Bob', (token: string) => me(app, token, 'DELETE')],
      ['Eve', async (token: string) => upload(app, token, await jpeg(8))],
      ['Mal', (token: string) => me(app, token, 'PUT', { avatar: 'https://example.com/x.png' })],
    ] as const) {
      const token = await login(name);
      expect((await me(app, token, 'PUT', { avatar: hers })).status).toBe(200);
      expect((await end(token)).status).toBe(200);
      expect(filesIn(folder)).toContain(nameOf(hers));
    }
  });

  test('many at once, of one user and of many: each row has the picture that is there, and no other is', async () => {
    const { app, folder, login, ada } = await start({ database: await fresh() });
    const tokens = [ada, ...(await Promise.all(['B', 'C', 'D', 'E', 'F'].map(login)))];
    const rounds = tokens.flatMap((token) => [10, 11, 10, 12].map((number) => ({ token, number })));
    const answers = await Promise.all(rounds.map(async (r) => upload(app, r.token, await jpeg(r.number))));
    expect(answers.map((answer) => answer.status)).toEqual(rounds.map(() => 200));
    const inRows = (await app.rows()).map((row) => nameOf(row.avatar ?? ''));
    expect(filesIn(folder)).toEqual(inRows.toSorted());
  });

  test('two instances: uploads, and an erasure in between, leave no picture without a row', async () => {
    const database = await fresh();
    const { app, folder, ada } = await start({ database });
    const settings = { AVATAR_STORE: `file:${folder}` };
    const other = await startApp({ database, env: settings });
    for (let round = 0; round < 5; round++) {
      const [one, two] = [await jpeg(20 + round), await jpeg(40 + round)];
      await Promise.all([upload(app, ada, one), upload(other, ada, two)]);
      expect(filesIn(folder)).toEqual([nameOf(await avatarOf(app))]);
    }
    await Promise.all([upload(app, ada, await jpeg(60)), me(other, ada, 'DELETE')]);
    expect(await app.rows()).toEqual([]);
    expect(filesIn(folder)).toEqual([]);
    await other.close();
  });
});

describe('what becomes of a picture', () => {
  test.each(['jpeg', 'png', 'webp', 'gif'] as const)('%s becomes a square JPEG', async (format) => {
    const { app, ada } = await start();
    const sent = await picture(format);
    const { body } = await upload(app, ada, sent, { name: 'x.bin', type: 'application/octet-stream' });
    const made = await sharp(await fetchPicture(body.user.avatar)).metadata();
    expect(made).toMatchObject({ format: 'jpeg', width: 512, height: 512 });
  });

  test('it is turned upright, and nobody learns where it was taken', async () => {
    const { app, ada } = await start();
    const sent = await photograph();
    expect(sent.includes('GPS') || (await sharp(sent).metadata()).exif).toBeTruthy();
    const made = await fetchPicture((await upload(app, ada, sent)).body.user.avatar);
    const { exif, icc, xmp, orientation } = await sharp(made).metadata();
    expect([exif, icc, xmp, orientation]).toEqual([undefined, undefined, undefined, undefined]);
    const { data, info } = await sharp(made).raw().toBuffer({ resolveWithObject: true });
    const redAt = (x: number, y: number) => (data[(y * info.width + x) * info.channels] ?? 0) > 200;
    // Turned clockwise, its left half is on top.
    expect([redAt(256, 20), redAt(20, 256 - 40), redAt(256, 490)]).toEqual([true, true, false]);
  });

  test.each([
    ['300 × 200', 300, 200, 200],
    ['1 × 1', 1, 1, 1],
    ['1 × 20000', 1, 20_000, 1],
  ])('%s is made a square and not larger', async (_name, width, height, side) => {
    const { app, ada } = await start();
    const { body } = await upload(app, ada, await picture('png', width, height));
    const made = await sharp(await fetchPicture(body.user.avatar)).metadata();
    expect(made).toMatchObject({ width: side, height: side });
  });

  test('what is transparent becomes white', async () => {
    const { app, ada } = await start();
    const clear = { width: 64, height: 64, channels: 4, background: { r: 0, g: 0, b: 0, alpha: 0 } } as const;
    const sent = await sharp({ create: clear }).png().toBuffer();
    const made = await fetchPicture((await upload(app, ada, sent)).body.user.avatar);
    expect([...(await sharp(made).raw().toBuffer()).subarray(0, 3)]).toEqual([255, 255, 255]);
  });

  test('the field may have any name; other fields are ignored', async () => {
    const { app, ada } = await start();
    for (const field of ['file', 'avatar', '头像', 'a[b][c]', '__proto__']) {
      expect((await upload(app, ada, await picture('png'), { field })).status).toBe(200);
    }
    expect((await app.rows())[0]?.nickName).toBe('Ada');
  });
});

describe('a picture at its address', () => {
  async function stored() {
    const { app, ada } = await start();
    return { app, url: (await upload(app, ada, await jpeg(1))).body.user.avatar as string };
  }

  test('may be kept for ever and shown anywhere, as a picture only', async () => {
    const { url } = await stored();
    const { status, headers } = await fetch(url);
    expect(status).toBe(200);
    expect(Object.fromEntries(headers)).toMatchObject({
      'content-type': 'image/jpeg',
      'cache-control': 'public, max-age=31536000, immutable',
      'x-content-type-options': 'nosniff',
      'cross-origin-resource-policy': 'cross-origin',
    });
    const { port, pathname } = new URL(url);
    const again = `GET ${pathname} HTTP/1.1\r\nHost: x\r\nIf-None-Match: ${headers.get('etag')}\r\nConnection: close\r\n\r\n`;
    expect(await raw(Number(port), again)).toMatch(/^HTTP\/1.1 304 /);
    expect((await fetch(url, { method: 'HEAD' })).headers.get('content-length')).toBe(
      headers.get('content-length'),
    );
  });

  test.each([
    '',
    '/',
    '/..%2f..%2fweapp-login.db',
    '/../weapp-login.db',
    '/%2e%2e/weapp-login.db',
    '/..%5cweapp-login.db',
    '/unfinished',
    '/%00',
    `/${'0'.repeat(64)}.jpg`,
    `/${'0'.repeat(64)}.jpg%00.png`,
    `/${'A'.repeat(5000)}`,
  ])('nothing else is there: %#', async (path) => {
    const { app } = await stored();
    const { port } = new URL(app.url);
    const text = await raw(
      Number(port),
      `GET /avatars${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`,
    );
    expect(text).toMatch(/^HTTP\/1.1 404 /);
    expect(text).toContain('"code":"not_found"');
    expect(text).not.toContain('immutable');
  });
});

describe('the address', () => {
  test('begins with PUBLIC_URL, whatever Host the client says', async () => {
    const wechat = await startStandIn();
    const env = {
      ...realSettings(wechat.url),
      AVATAR_STORE: `file:${newFolder()}`,
      PUBLIC_URL: 'https://login.example.com/wx/',
    };
    const app = await startApp({ env });
    const { token } = (await app.call('POST', '/api/wxuser', { code: 'c' })).body;
    const body = Buffer.from(await multipart([['name="f"; filename="f"', await jpeg(1)]]).arrayBuffer());
    const head = `POST /api/wxuser/me/avatar HTTP/1.1\r\nHost: evil.example\r\nX-Forwarded-Host: evil.example\r\nAuthorization: ${token}\r\nContent-Type: multipart/form-data; boundary=boundary0\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n`;
    const text = await raw(Number(new URL(app.url).port), Buffer.concat([Buffer.from(head), body]));
    expect(text).toMatch(/^HTTP\/1.1 200 /);
    expect(await avatarOf(app)).toMatch(/^https:\/\/login\.example\.com\/wx\/avatars\/[0-9a-f]{64}\.jpg$/);
  });

  test('with a real app and no PUBLIC_URL there is none: a failure that says so to the developer', async () => {
    const wechat = await startStandIn();
    const folder = newFolder();
    const app = await startApp({ env: { ...realSettings(wechat.url), AVATAR_STORE: `file:${folder}` } });
    const { token } = (await app.call('POST', '/api/wxuser', { code: 'c' })).body;
    const { body } = await upload(app, token, await jpeg(1));
    expect(body).toMatchObject({ status: 500, code: 'storage_misconfigured', retry: 'never' });
    expect(app.log.find((line) => line['id'] === body.requestId)?.['reason']).toMatch(
      /^PUBLIC_URL is not set/,
    );
    expect([await avatarOf(app), filesIn(folder)]).toEqual(['', []]);
  });

  test('of ours is taken back by PUT, as a page sends it that saves the whole profile', async () => {
    const { app, folder, ada } = await start();
    const { avatar } = (await upload(app, ada, await jpeg(1))).body.user;
    const { status, body } = await me(app, ada, 'PUT', { nickName: 'Ada L', avatar });
    expect([status, body.user]).toMatchObject([200, { nickName: 'Ada L', avatar }]);
    expect(filesIn(folder)).toEqual([nameOf(avatar)]);
    for (const other of [avatar.replace('/avatars/', '/__tmp__/'), avatar.replace('.jpg', '.png')]) {
      expect((await me(app, ada, 'PUT', { avatar: other })).body.code).toBe('invalid_request');
    }
  });
});

test('strangers, and whoever is banned or gone, upload nothing', async () => {
  const { app, folder, ada } = await start();
  const { body } = await upload(app, '', await jpeg(1));
  expect(body).toMatchObject({ status: 401, code: 'token_missing' });
  expect((await upload(app, `${ada}x`, await jpeg(1))).body.code).toBe('token_invalid');
  await me(app, ada, 'DELETE');
  expect((await upload(app, ada, await jpeg(1))).body.code).toBe('session_ended');
  expect(filesIn(folder)).toEqual([]);
});

describe('the folder', () => {
  test('that cannot be written: 503, and the row is as it was', async () => {
    const file = join(mkdtempSync(join(inject('folder'), 'avatars-')), 'file');
    writeFileSync(file, '');
    const { app, ada } = await start({ folder: join(file, 'avatars') });
    const before = await app.rows();
    const { body } = await upload(app, ada, await jpeg(1));
    expect(body).toMatchObject({ status: 503, code: 'storage_unavailable', retry: 'later' });
    expect(app.log.find((line) => line['id'] === body.requestId)?.['reason']).toMatch(/^ENOTDIR: mkdir/);
    expect(await app.rows()).toEqual(before);
  });

  test('whose row cannot be written: the failure is answered, and no picture is left', async () => {
    const database = await freshSqlite();
    const { app, folder, ada } = await start({ database });
    const { sql } = await import('kysely');
    await app.sql(
      sql`CREATE TRIGGER full BEFORE UPDATE OF avatar ON wxuser BEGIN SELECT RAISE(ABORT, 'full'); END`,
    );
    expect((await upload(app, ada, await jpeg(1))).status).toBe(500);
    expect(filesIn(folder)).toEqual([]);
  });

  test('is rid of what a crash left, but not of what another instance is writing', async () => {
    const folder = newFolder();
    mkdirSync(join(folder, 'unfinished'), { recursive: true });
    for (const name of ['old', 'young']) writeFileSync(join(folder, 'unfinished', name), 'half a pict');
    const before = new Date(Date.now() - 2 * 3_600_000);
    utimesSync(join(folder, 'unfinished', 'old'), before, before);
    const { app, ada } = await start({ folder });
    const { avatar } = (await upload(app, ada, await jpeg(1))).body.user;
    expect(filesIn(folder)).toEqual([nameOf(avatar), 'young'].toSorted());
  });
});

/** Our routes in somebody's own Express app, some parts changed. */
async function mount(change: (parts: Parts) => Partial<Parts>, env: Record<string, string> = {}) {
  const database = await freshSqlite();
  onTestFinished(database.drop);
  const config = weapp.loadConfig({ DATABASE_URL: database.url, ...env });
  const log = weapp.createLog('silent');
  const stores = await weapp.openStores(config, log);
  const app = express();
  const http = app.listen(0, '127.0.0.1');
  await once(http, 'listening');
  const url = `http://127.0.0.1:${(http.address() as { port: number }).port}/login`;
  const real = weapp.createParts(config, { stores, log, sandboxBase: `${url}/sandbox` });
  const parts = { ...real, ...change(real) };
  const login = express.Router();
  login.use(express.json());
  if (parts.sandbox) login.use('/sandbox', weapp.sandboxRoutes(parts.sandbox));
  login.use(weapp.wxuserRoutes(parts), weapp.avatarRoutes(parts));
  app.use('/login', login).use(weapp.handleErrors);
  onTestFinished(async () => {
    http.closeAllConnections();
    http.close();
    parts.apps[0].wechat.close();
    await stores.close();
  });
  const json = { method: 'POST', headers: { 'Content-Type': 'application/json' } };
  const button = await (await fetch(`${url}/sandbox/login-button`, { ...json, body: '{}' })).text();
  const answer = await fetch(`${url}/api/wxuser`, { ...json, body: button });
  const { token, user } = (await answer.json()) as { token: string; user: { id: number } };
  const folder = join(dirname(database.url.slice('sqlite:'.length)), 'avatars');
  return { app: { url } as TestApp, token, user, folder };
}

test('in somebody’s own Express app the same routes work, with the limit of the settings', async () => {
  const checked: string[] = [];
  const change = ({ contentCheck }: Parts): Partial<Parts> => ({
    contentCheck: {
      ...contentCheck,
      checkAvatar(author, at, store) {
        checked.push(`${author.id} ${at}`);
        return store();
      },
    },
  });
  const { app, token, user } = await mount(change, { AVATAR_MAX_BYTES: '5000' });
  const { body } = await upload(app, token, await jpeg(1));
  expect((await fetch(body.user.avatar)).status).toBe(200);
  expect(checked).toEqual([`${user.id} ${body.user.avatar}`]);
  expect((await upload(app, token, Buffer.alloc(5001, 1))).body).toMatchObject({
    code: 'payload_too_large',
    issues: [{ path: 'file', message: expect.stringContaining('5000 bytes') }],
  });
});

test('a picture that is uploaded while its account is being erased goes too', async () => {
  let meanwhile = async (): Promise<unknown> => undefined;
  const { app, token, folder } = await mount(({ sessions }) => ({
    sessions: {
      ...sessions,
      endAll: async (id: number) => {
        await meanwhile();
        return sessions.endAll(id);
      },
    },
  }));
  await upload(app, token, await jpeg(1));
  const other = await jpeg(2);
  meanwhile = async () => {
    meanwhile = async () => undefined;
    expect((await upload(app, token, other)).status).toBe(200);
  };
  const init = { method: 'DELETE', headers: { Authorization: token } };
  expect((await fetch(`${app.url}/api/wxuser/me`, init)).status).toBe(200);
  expect(filesIn(folder)).toEqual([]);
});

test('whoever leaves half-way, or while he waits, takes nobody’s turn', async () => {
  const { app, folder, login, ada } = await start();
  const tokens = await Promise.all(Array.from({ length: 20 }, (_, i) => login(`User ${i}`)));
  const sockets = await Promise.all(
    tokens.map(async (token) => {
      const socket = connect(Number(new URL(app.url).port), '127.0.0.1');
      const head = `POST /api/wxuser/me/avatar HTTP/1.1\r\nHost: x\r\nAuthorization: ${token}\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: 90000\r\n\r\n`;
      await new Promise<void>((done) => {
        socket.write(`${head}--b\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\nhalf`, () =>
          done(),
        );
      });
      return socket;
    }),
  );
  // First those who wait in line, and the server knows it; then those whose turn it is.
  for (const socket of sockets.slice(8)) socket.destroy();
  const left = () => app.log.filter((line) => line['status'] === 499).length;
  await until('the server sees that 12 have left', async () => left() >= 12);
  for (const socket of sockets) socket.destroy();
  await until('the server sees that all have left', async () => left() >= 20);
  expect((await upload(app, ada, await jpeg(1))).status).toBe(200);
  expect(filesIn(folder)).toHaveLength(1);
});

test('a body that is cut short, or has another boundary, or no multipart: said as it is', async () => {
  const { app, folder, ada } = await start();
  const whole = multipart([['name="f"; filename="f"', await jpeg(1)]]);
  const cut = whole.slice(0, whole.size - 40, whole.type);
  const other = whole.slice(0, whole.size, 'multipart/form-data; boundary=another');
  const none = whole.slice(0, whole.size, 'multipart/form-data');
  for (const body of [cut, other, none]) {
    expect((await send(app, ada, body)).body).toMatchObject({ status: 400, issues: [{ path: 'body' }] });
  }
  expect((await send(app, ada, '{}')).body).toMatchObject({ status: 415, code: 'unsupported_media_type' });
  expect(filesIn(folder)).toEqual([]);
});

test('a line that is full is closed: too_many_requests, and the others come to their turn', async () => {
  const inTurn = createTurns({ atOnce: 2, waiting: 3, waitingOfOne: 2 });
  let release = (): void => undefined;
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const running: string[] = [];
  const work = (key: string) => async () => {
    running.push(key);
    await held;
    return key;
  };
  const admitted = ['a', 'a', 'a', 'b', 'c'].map((key) => inTurn(key, work(key)));
  await Promise.resolve();
  await Promise.resolve();
  expect(running).toEqual(['a', 'b']);
  for (const key of ['a', 'd']) {
    await expect(inTurn(key, work(key))).rejects.toMatchObject({ code: 'too_many_requests', retryAfter: 5 });
  }
  release();
  expect(await Promise.all(admitted)).toEqual(['a', 'a', 'a', 'b', 'c']);
  expect(running.toSorted()).toEqual(['a', 'a', 'a', 'b', 'c']);
});

/** Sends what fetch would not, and answers all that comes back. */
function raw(port: number, text: string | Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(text));
    let answer = '';
    socket.setEncoding('utf8').on('data', (part: string) => {
      answer += part;
    });
    socket.on('end', () => resolve(answer)).on('error', reject);
  });
}
