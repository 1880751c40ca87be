import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from 'vitest';
import { startApp } from './support/app.ts';
import { keepSecret } from './support/no-secrets.ts';
import { jpeg } from './support/pictures.ts';
import { type Swift, startSwift } from './support/swift.ts';
import { upload } from './support/uploads.ts';

async function start(setting: string, more: Record<string, string> = {}) {
  const app = await startApp({ env: { AVATAR_STORE: setting, ...more } });
  const login = async (user: string): Promise<string> => (await app.login({ user })).body.token;
  const reasonOf = (requestId: string) => app.log.find((line) => line['id'] === requestId)?.['reason'];
  return { app, login, ada: await login('Ada'), reasonOf };
}

const nameOf = (url: string) => url.split('/').at(-1) ?? '';
const CDN = '&public-url=https://cdn.example.com/a';

describe.skipIf(!inject('swiftThere'))('pictures in an S3 store (OpenStack Swift)', () => {
  let swift: Swift;
  beforeAll(async () => {
    swift = await startSwift();
    keepSecret('testing+/secret');
  }, 60_000);
  afterAll(() => swift.stop());

  test('are objects that go with their users, at the public address of the setting', async () => {
    const { app, login, ada } = await start(swift.setting({ more: CDN }));
    const bob = await login('Bob');
    const first = (await upload(app, ada, await jpeg(1))).body.user.avatar;
    const his = (await upload(app, bob, await jpeg(1))).body.user.avatar;
    expect(first).toMatch(/^https:\/\/cdn\.example\.com\/a\/[0-9a-f]{64}\.jpg$/);
    expect(await swift.names()).toEqual([nameOf(first), nameOf(his)].toSorted());

    const object = await swift.fetch(nameOf(first));
    expect(Object.fromEntries(object.headers)).toMatchObject({
      'content-type': 'image/jpeg',
      'cache-control': 'public, max-age=31536000, immutable',
    });
    const second = (await upload(app, ada, await jpeg(2))).body.user.avatar;
    expect(await swift.names()).toEqual([nameOf(second), nameOf(his)].toSorted());
    for (const token of [ada, bob]) {
      const { status } = await app.call('DELETE', '/api/wxuser/me', undefined, { Authorization: token });
      expect(status).toBe(200);
    }
    expect(await swift.names()).toEqual([]);
    expect((await fetch(`${app.url}/avatars/${nameOf(second)}`)).status).toBe(404);
  });

  test('without a public address they have the store’s own', async () => {
    const { app, ada } = await start(swift.setting().replace('/avatars?', '/avatars/users/pictures?'));
    const { avatar } = (await upload(app, ada, await jpeg(3))).body.user;
    expect(avatar).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/avatars\/users\/pictures\/[0-9a-f]{64}\.jpg$/);
    expect(await swift.names()).toEqual([`users/pictures/${nameOf(avatar)}`]);
    await app.call('DELETE', '/api/wxuser/me', undefined, { Authorization: ada });
  });

  test('an address that only looks like ours keeps nobody from erasing his account', async () => {
    const { app, ada } = await start(swift.setting());
    const avatar = `https://example.com/${'a'.repeat(64)}.jpg`;
    const headers = { Authorization: ada };
    expect((await app.call('PUT', '/api/wxuser/me', { avatar }, headers)).status).toBe(200);
    expect((await app.call('DELETE', '/api/wxuser/me', undefined, headers)).status).toBe(200);
  });

  test.each([
    ['a wrong secret', { secret: 'another' }, /403 SignatureDoesNotMatch/],
    ['a bucket that is not there', { bucket: 'nowhere' }, /404 NoSuchBucket/],
  ])(
    '%s: a failure that says so to the developer, and the row is as it was',
    async (_name, wrong, reason) => {
      const { app, ada, reasonOf } = await start(swift.setting(wrong));
      const before = await app.rows();
      const { body } = await upload(app, ada, await jpeg(1));
      expect(body).toMatchObject({ status: 500, code: 'storage_misconfigured', retry: 'never' });
      expect(reasonOf(body.requestId)).toMatch(reason);
      expect(await app.rows()).toEqual(before);
    },
  );

  test('a store that was killed: 503, the row is as it was, and no account is half erased', async () => {
    const { app, ada, reasonOf } = await start(swift.setting({ more: CDN }));
    await upload(app, ada, await jpeg(1));
    const before = await app.rows();
    await swift.kill();
    const { body } = await upload(app, ada, await jpeg(2));
    expect(body).toMatchObject({ status: 503, code: 'storage_unavailable', retry: 'later' });
    expect(reasonOf(body.requestId)).toMatch(/^ECONNREFUSED: PUT/);
    const headers = { Authorization: ada };
    expect((await app.call('DELETE', '/api/wxuser/me', undefined, headers)).body.code).toBe(
      'storage_unavailable',
    );
    expect(await app.rows()).toEqual(before);
    // What does not need the store works, and leaves the picture behind: the log says so.
    const avatar = 'https://example.com/x.png';
    expect((await app.call('PUT', '/api/wxuser/me', { avatar }, headers)).status).toBe(200);
    expect(app.log.filter((line) => line['msg'] === 'a picture was left behind')).toHaveLength(1);
  });
});

test.each([
  ['never answers', () => undefined, 503, /^TimeoutError: PUT/],
  ['answers 503', 503, 503, /503 no code/],
  ['points elsewhere', 307, 500, /307 no code/],
] as const)('a store that %s', async (_name, answer, status, reason) => {
  const server = createServer((req, res) => {
    req.resume();
    if (typeof answer === 'number') res.writeHead(answer, { Location: 'https://example.com/' }).end('no');
  }).listen(0, '127.0.0.1');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  await new Promise((listening) => server.once('listening', listening));
  const { port } = server.address() as AddressInfo;
  const { app, ada, reasonOf } = await start(`s3+http://k:s@127.0.0.1:${port}/bucket?style=path&timeout=300`);
  const { body } = await upload(app, ada, await jpeg(1));
  expect(body.status).toBe(status);
  expect(reasonOf(body.requestId)).toMatch(reason);
});
