import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { platform } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { expect, inject, onTestFinished, test } from 'vitest';
import { createDecoder } from '../src/avatars/decoder.ts';
import { countScans } from '../src/avatars/jpeg-scans.ts';
import { createPictureMaker } from '../src/avatars/picture.ts';
import type { TestApp } from './support/app.ts';
import { failureOf } from './support/failure.ts';
import { blackPng, jpeg, jpegOfScans, movingGif, picture } from './support/pictures.ts';
import { runServer } from './support/process.ts';
import { until } from './support/until.ts';
import { upload } from './support/uploads.ts';

function startDecoder(program?: string) {
  const decoder = createDecoder(program);
  onTestFinished(() => decoder.close());
  return decoder;
}

/** A program in the decoder's place. */
function programOf(text: string): string {
  const file = join(mkdtempSync(join(inject('folder'), 'decoder-')), 'program.mjs');
  writeFileSync(file, text);
  return file;
}

test('a picture that takes too long is killed, and those behind it have their turn', {
  timeout: 60_000,
}, async () => {
  const decoder = startDecoder();
  const make = createPictureMaker(decoder);
  const [bomb, honest] = [await jpegOfScans(3528), await jpeg(1)];
  // Its scans are not looked at here: the next bomb may be of another kind.
  const [killed, ...pictures] = await Promise.all([decoder.decode(bomb), make(honest), make(honest)]);
  expect(killed).toEqual({ tooExpensive: 'more than 2000 ms of processor time' });
  for (const made of pictures) expect((await sharp(made).metadata()).width).toBe(512);
  expect(await decoder.decode(honest)).toHaveProperty('picture');
});

test.each([
  ['has no memory', 'process.kill(process.pid, "SIGKILL")', 'takes too long to decode'],
  ['crashes', 'process.kill(process.pid)', 'damaged or cut short'],
  ['exits', 'process.exit(7)', 'damaged or cut short'],
])(
  'a picture on which the process %s is refused, and the next one gets another process',
  async (_name, act, said) => {
    const program = programOf(
      `process.on('message', (sent) => { if (sent.length > 2000) ${act}; process.send({ picture: sent }); });
     process.send({ ready: true });`,
    );
    const make = createPictureMaker(startDecoder(program));
    const small = blackPng(8);
    expect(await make(small)).toEqual(small);
    const refused = await failureOf(make(await jpeg(1)));
    expect(refused).toMatchObject({ code: 'invalid_request', issues: [{ path: 'file' }] });
    expect(refused.issues?.[0]?.message.en).toContain(said);
    expect(await make(small)).toEqual(small);
  },
);

test('a process that does not start is our failure, not the picture’s', async () => {
  const decoder = startDecoder(programOf('process.exit(1)'));
  await expect(decoder.decode(blackPng(8))).rejects.toThrow(/did not start.*see stderr/);
  await expect(decoder.decode(blackPng(8))).rejects.toThrow(/did not start/);
});

test('scans are counted by the markers alone', async () => {
  const baseline = await picture('jpeg');
  const progressive = await sharp(baseline).jpeg({ progressive: true }).toBuffer();
  expect(countScans(baseline)).toBe(1);
  expect(countScans(progressive)).toBe(10);
  expect(countScans(await jpegOfScans(101, 64))).toBe(101);
  // What a phone puts behind a picture is no part of it, nor is a thumbnail in its EXIF.
  expect(countScans(Buffer.concat([progressive, await jpegOfScans(500, 64)]))).toBe(10);
  const thumbnail = Buffer.concat([
    Buffer.from('ffe103e8', 'hex'),
    Buffer.alloc(998, Buffer.from('ffda', 'hex')),
  ]);
  const withThumbnail = Buffer.concat([baseline.subarray(0, 2), thumbnail, baseline.subarray(2)]);
  expect(countScans(withThumbnail)).toBe(1);
  for (const none of [Buffer.alloc(0), Buffer.from('ffd8ff', 'hex'), blackPng(8), movingGif(2)])
    expect(countScans(none)).toBe(0);
});

test.skipIf(platform() !== 'linux')(
  'the process that decodes knows no secret, outlives a picture, and ends with the server however that ends',
  async () => {
    const server = await runServer({ SECRET_OF_OURS: 'x'.repeat(20) });
    const button = await fetch(`${server.url}/sandbox/login-button`, { method: 'POST' });
    const json = { method: 'POST', headers: { 'Content-Type': 'application/json' } };
    const login = await fetch(`${server.url}/api/wxuser`, { ...json, body: await button.text() });
    const { token } = (await login.json()) as { token: string };
    const { pid } = server.child;
    const children = () => readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ');
    expect(children()).toEqual(['']);
    for (const number of [1, 2])
      expect((await upload({ url: server.url } as TestApp, token, await jpeg(number))).status).toBe(200);
    const [decoder = '', ...others] = children();
    expect(others).toEqual([]);
    const names = readFileSync(`/proc/${decoder}/environ`, 'latin1')
      .split('\0')
      .map((each) => each.split('=')[0]);
    expect(names.filter((name) => name && !/^(?:NODE_CHANNEL_|LD_LIBRARY_PATH)/.test(name))).toEqual([]);
    server.child.kill('SIGKILL');
    await server.ended;
    await until('the decoder has ended', async () => !existsSync(`/proc/${decoder}`));
  },
);
