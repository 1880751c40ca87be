import { mkdtempSync, readFileSync } from 'node:fs';
import { platform } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { expect, inject, test } from 'vitest';
import { startApp, type TestApp } from './support/app.ts';
import {
  blackPng,
  HEIC,
  jpeg,
  jpegOfScans,
  jpegWithEndlessExif,
  movingGif,
  picture,
  pngWithBomb,
} from './support/pictures.ts';
import { runServer } from './support/process.ts';
import { filesIn, multipart, send, upload } from './support/uploads.ts';

const HTML = '<html><script>alert(document.domain)</script></html>';
const SVG = `<svg xmlns="http://www.w3.org/2000/svg" width="99" height="99"><script>${HTML}</script><image href="file:///etc/passwd"/></svg>`;
const half = (file: Buffer) => file.subarray(0, Math.floor(file.length / 2));
const after = (file: Buffer, text: string) => Buffer.concat([file, Buffer.from(text)]);

async function start() {
  const folder = join(mkdtempSync(join(inject('folder'), 'avatars-')), 'avatars');
  const app = await startApp({ env: { AVATAR_STORE: `file:${folder}` } });
  const { token } = (await app.login({ user: 'Ada' })).body;
  return { app, folder, token };
}

const NO_PICTURE = 'JPEG, PNG, WebP or GIF';
const DAMAGED = 'damaged or cut short';

test.each<[string, () => Buffer | Promise<Buffer>, string]>([
  ['0 bytes', () => Buffer.alloc(0), 'is empty'],
  ['1 byte', () => Buffer.from([0xff]), NO_PICTURE],
  ['random bytes', () => Buffer.from('kq3j4h5kjh345kjh345'.repeat(99)), NO_PICTURE],
  ['an SVG with a script', () => Buffer.from(SVG), NO_PICTURE],
  ['an SVG behind a declaration', () => Buffer.from(`<?xml version="1.0"?>${SVG}`), NO_PICTURE],
  ['HTML', () => Buffer.from(HTML), NO_PICTURE],
  ['a PDF', () => Buffer.from(`%PDF-1.7\n${HTML}`), NO_PICTURE],
  ['a ZIP', () => Buffer.from('504b0304140000000800'.repeat(20), 'hex'), NO_PICTURE],
  ['a TIFF', () => sharp(blackPng(8)).tiff().toBuffer(), NO_PICTURE],
  ['an AVIF', () => sharp(blackPng(64)).avif().toBuffer(), NO_PICTURE],
  ['HEIC', () => HEIC, 'is HEIC'],
  ['half a JPEG', async () => half(await jpeg(1)), DAMAGED],
  ['half a PNG', async () => half(await picture('png')), DAMAGED],
  ['half a WebP', async () => half(await picture('webp')), DAMAGED],
  ['half a GIF', async () => half(await picture('gif')), DAMAGED],
  ['the first bytes of a JPEG alone', () => Buffer.from('ffd8ffe0', 'hex'), DAMAGED],
  ['a PNG that is a script from its 9th byte on', () => after(blackPng(8).subarray(0, 8), HTML), DAMAGED],
  ['GIF89a that is a script', () => Buffer.from('GIF89a=1;alert(document.domain)//'), DAMAGED],
  ['a PNG bomb of 30000 × 30000', () => blackPng(30_000), 'too many pixels'],
  ['a progressive JPEG of 3528 scans', () => jpegOfScans(3528), 'too long to decode'],
  ['a PNG one pixel too wide', () => blackPng(4097), 'too many pixels'],
])('%s: refused, and nothing is written', async (_name, make, said) => {
  const { app, folder, token } = await start();
  const before = await app.rows();
  const { body } = await upload(app, token, await make());
  expect(body).toMatchObject({
    status: 400,
    code: 'invalid_request',
    retry: 'never',
    issues: [{ path: 'file', message: expect.stringContaining(said) }],
  });
  expect(await app.rows()).toEqual(before);
  expect(filesIn(folder)).toEqual([]);
});

test.each<[string, () => Buffer | Promise<Buffer>]>([
  ['a JPEG with HTML behind it', async () => after(await jpeg(1), HTML)],
  ['a PNG with a ZIP behind it', async () => after(await picture('png'), 'PK\x03\x04')],
  ['a GIF with a script behind it', () => after(movingGif(1), `/*${HTML}*/`)],
  ['a GIF of 10000 frames', () => movingGif(10_000)],
  ['a colour profile of 200 MB', () => pngWithBomb('iCCP')],
  ['a comment of 200 MB', () => pngWithBomb('zTXt')],
  ['EXIF without an end', jpegWithEndlessExif],
  ['a PNG of 4096 × 4096', () => blackPng(4096)],
])('%s: becomes a picture that holds nothing else', async (_name, make) => {
  const { app, token } = await start();
  const { status, body } = await upload(app, token, await make());
  expect(status).toBe(200);
  const made = Buffer.from(await (await fetch(body.user.avatar)).arrayBuffer());
  expect(made.length).toBeLessThan(100_000);
  expect(made.toString('latin1')).not.toMatch(/script|PK|Exif/);
  expect((await sharp(made).stats()).isOpaque).toBe(true);
});

test.each([
  '../../../../tmp/x.jpg',
  '..\\..\\x.jpg',
  '/etc/passwd',
  `${'长'.repeat(3000)}.jpg`,
  '\u202egpj.exe',
  '"; filename="x',
  'COM1',
  '%2e%2e%2fx',
])('a file called %j is stored under our name', async (name) => {
  const { app, folder, token } = await start();
  const { status, body } = await upload(app, token, await jpeg(1), { name });
  expect(status).toBe(200);
  expect(filesIn(folder)).toEqual([body.user.avatar.split('/').at(-1)]);
});

test.each<[string, (file: Buffer) => Blob, string]>([
  ['no part', () => multipart([]), 'file'],
  ['text fields only', () => multipart([['name="file"', Buffer.from('x')]]), 'file'],
  [
    'two files',
    (file) =>
      multipart([
        ['name="a"; filename="a"', file],
        ['name="b"; filename="b"', file],
      ]),
    'file',
  ],
  [
    '1000 fields',
    (file) =>
      multipart([...Array(1000).fill(['name="a"', Buffer.from('x')]), ['name="f"; filename="f"', file]]),
    'body',
  ],
  ['a field of 1 MB', () => multipart([['name="a"', Buffer.alloc(1e6, 'x')]]), 'file'],
  ['a file whose name has a NUL byte', (file) => multipart([['name="f"; filename="a\0.jpg"', file]]), 'body'],
  ['a part without a name', (file) => multipart([['filename="f"', file]]), 'body'],
])('a form with %s: refused with what is wrong', async (_name, make, path) => {
  const { app, folder, token } = await start();
  const { body } = await send(app, token, make(await jpeg(1)));
  expect(body).toMatchObject({ status: 400, code: 'invalid_request', issues: [{ path }] });
  expect(filesIn(folder)).toEqual([]);
});

const MEGABYTE = 1_048_576;

/** A multipart body whose length nobody says in advance. */
function endless(megabytes: number): ReadableStream {
  const head = '--b\r\nContent-Disposition: form-data; name="f"; filename="f.jpg"\r\n\r\n';
  let left = megabytes;
  return new ReadableStream({
    start: (controller) => controller.enqueue(new TextEncoder().encode(head)),
    pull(controller) {
      if (left-- > 0) controller.enqueue(new Uint8Array(MEGABYTE));
      else controller.close();
    },
  });
}

test.each<[string, () => Promise<Response> | ReadableStream | Blob]>([
  ['that says its length', () => multipart([['name="f"; filename="f"', Buffer.alloc(50 * MEGABYTE)]])],
  ['that does not', () => endless(50)],
])('a body of 50 MB %s is too large', async (_name, make) => {
  const { app, folder, token } = await start();
  const body = make() as ReadableStream | Blob;
  const init = { method: 'POST', body, duplex: 'half' } as const;
  const headers = {
    Authorization: token,
    ...(!(body instanceof Blob) && { 'Content-Type': 'multipart/form-data; boundary=b' }),
  };
  const answer = await fetch(`${app.url}/api/wxuser/me/avatar`, { ...init, headers });
  expect(await answer.json()).toMatchObject({ status: 413, code: 'payload_too_large', retry: 'never' });
  expect(filesIn(folder)).toEqual([]);
});

/** The most memory that a process and those it started have used, in megabytes. */
function peakOf(pid: number | string | undefined): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
    .trim()
    .split(' ')
    .filter(Boolean);
  const own = Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]) / 1024;
  return own + children.map(peakOf).reduce((sum, each) => sum + each, 0);
}

test.skipIf(platform() !== 'linux')(
  'bombs, 50 MB bodies and the heaviest pictures at once: a server’s memory stays bounded, and it serves on',
  { timeout: 120_000 },
  async () => {
    const server = await runServer({ LOGIN_RATE_LIMIT: '1000' });
    const app = { url: server.url } as TestApp;
    const tokens = await Promise.all(
      Array.from({ length: 40 }, async (_, i) => {
        const form = new URLSearchParams({ user: `User ${i}` });
        const button = await fetch(`${app.url}/sandbox/login-button`, { method: 'POST', body: form });
        const json = { method: 'POST', headers: { 'Content-Type': 'application/json' } };
        const login = await fetch(`${app.url}/api/wxuser`, { ...json, body: await button.text() });
        return ((await login.json()) as { token: string }).token;
      }),
    );
    const before = peakOf(server.child.pid);
    const flat = sharp({ create: { width: 4096, height: 4096, channels: 4, background: '#8888' } });
    const heavy = [
      await flat.clone().toColourspace('rgb16').png({ progressive: true }).toBuffer(),
      await flat.clone().jpeg({ progressive: true, chromaSubsampling: '4:4:4' }).toBuffer(),
      await flat.clone().webp({ lossless: true }).toBuffer(),
      blackPng(30_000),
      pngWithBomb('iCCP'),
      movingGif(10_000),
      Buffer.alloc(5 * MEGABYTE, 0xff),
      Buffer.alloc(50 * MEGABYTE),
    ];
    const uploads = tokens.map((token, i) => upload(app, token, heavy[i % heavy.length] ?? Buffer.alloc(0)));
    const statuses = (await Promise.all(uploads)).map((answer) => answer.status);
    expect(new Set(statuses)).toEqual(new Set([200, 400, 413]));
    expect((await upload(app, tokens[0] ?? '', await jpeg(1))).status).toBe(200);
    const growth = peakOf(server.child.pid) - before;
    process.stdout.write(`\npeak memory grew by ${growth.toFixed(0)} MB over ${before.toFixed(0)} MB\n`);
    expect(growth).toBeLessThan(400);
  },
);
