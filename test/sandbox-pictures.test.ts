import sharp from 'sharp';
import { expect, test } from 'vitest';
import { startApp, type TestApp } from './support/app.ts';
import { openSandbox } from './support/sandbox.ts';

const PLACEHOLDER =
  'https://mmbiz.qpic.cn/mmbiz/icTdbqWNOwNRna42FI242Lcia07jQodd2FJGIYQfG0LAJGFxM4FbnQP6yfMxBgJ0F3YRqJCJ1aPAK2dQagdusBZg/0';

const pathOf = (address: string) => address.replace('https://', '/sandbox/cdn/');
const get = (app: TestApp, address: string) => app.call('GET', pathOf(address));

async function avatarOf(app: TestApp, user: string, changes: object = {}): Promise<string> {
  const { body } = await app.call('POST', '/sandbox/wx/getUserProfile', { user, ...changes });
  return body.userInfo.avatarUrl;
}

test('our choice: where an avatarUrl leads there is a portrait, a picture that does nothing and stays', async () => {
  const app = await startApp();
  const { status, headers, body } = await get(app, await avatarOf(app, 'Ada'));
  expect(status).toBe(200);
  expect(headers.get('content-type')).toBe('image/svg+xml; charset=utf-8');
  expect(headers.get('content-security-policy')).toBe("default-src 'none'");
  expect(headers.get('cache-control')).toBe('public, max-age=86400');
  expect(await sharp(Buffer.from(body)).metadata()).toMatchObject({ format: 'svg', width: 132, height: 132 });
});

test('the same address has the same portrait, after a restart and in every size; others have others', async () => {
  const [app, later] = [await startApp(), await startApp()];
  const addresses = await Promise.all(Array.from({ length: 60 }, (_, i) => avatarOf(app, `user ${i}`)));
  const pictures = await Promise.all(addresses.map(async (address) => (await get(app, address)).body));
  expect(new Set(pictures).size).toBe(60);
  const [first = ''] = addresses;
  for (const address of [first, `${first}?v=2`, first.replace(/132$/, '0'), first.replace(/132$/, '46')])
    expect((await get(later, address)).body).toBe(pictures[0]);
  expect((await get(app, first.replace('thirdwx', 'wx'))).body).not.toBe(pictures[0]);
});

test('nobody’s picture is the grey one: of an anonymous profile, and the official placeholder', async () => {
  const app = await startApp();
  const anonymous = await avatarOf(app, 'Ada', { anonymous: true });
  const silhouette = (await get(app, anonymous)).body;
  for (const address of [PLACEHOLDER, PLACEHOLDER.replace(/0$/, '132'), anonymous.replace(/132$/, '0')])
    expect((await get(app, address)).body).toBe(silhouette);
  const colours = [...silhouette.matchAll(/fill="([^"]*)"/g)].map(([, colour]) => colour);
  expect(colours.length).toBeGreaterThan(1);
  for (const colour of colours) expect(colour).toMatch(/^#(\w\w)\1\1$/);
  expect((await get(app, PLACEHOLDER.replace('mmbiz.qpic', 'wx.qlogo'))).body).not.toBe(silhouette);
});

test('another host, or no picture, is not found', async () => {
  const app = await startApp();
  for (const path of [
    'example.com/a.png',
    'constructor/a',
    'THIRDWX.qlogo.cn.example/a',
    'wx.qlogo.cn',
    'wx.qlogo.cn/',
  ])
    expect((await app.call('GET', `/sandbox/cdn/${path}`)).body).toMatchObject({
      status: 404,
      code: 'not_found',
    });
  expect((await app.call('POST', '/sandbox/cdn/wx.qlogo.cn/a', {})).body.code).toBe('not_found');
  const broken = await app.call('GET', '/sandbox/cdn/wx.qlogo.cn/%E0%A4');
  expect([broken.status, broken.body.code]).toEqual([400, 'invalid_request']);
});

test('nothing that is asked for gets into the picture, also where the sandbox runs alone', async () => {
  const sandbox = await openSandbox();
  for (const name of [
    '"/><script>marker()</script>',
    '</svg>marker',
    '&marker;',

    'marker"onload="x',
  ])
    for (const path of [encodeURIComponent(name), encodeURI(name)]) {
      const { status, body } = await sandbox.ask('GET', `/cdn/mmbiz.qpic.cn/${path}?marker=marker`);
      expect([status, body]).toEqual([200, expect.stringMatching(/^<svg [\w\s"'=:/.<>#,%()-]+<\/svg>\n$/)]);
      expect(body).not.toMatch(/marker|script|onload|style|href/);
    }
});
