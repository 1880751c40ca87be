import { once } from 'node:events';
import { request } from 'node:http';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { scrub } from '../src/log.ts';
import { startApp } from './support/app.ts';

test.each([
  ['a token', 'no eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl here', 'no [token] here'],
  ['a cut token', '/api/eyJhbGciOiJIUzI1NiJ9.eyJzdWI', '/api/[token]'],
  ['a session_key', 'key tiihtNczf5v6AKRyjwEUhQ== end', 'key [session_key] end'],
  [
    'an openid',
    "Duplicate entry 'wx0-oGZUI0egBJY1zhBYw2KhdUfwVJJE' for key",
    "Duplicate entry 'wx0-[openid]' for key",
  ],
  ['a login code', 'code 0a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P.', 'code [code].'],
  [
    'what is none of these',
    "Unknown column 'openid' in 'field list'",
    "Unknown column 'openid' in 'field list'",
  ],
])('free text that goes into a log is masked: %s', (_name, text, masked) => {
  expect(scrub(text, 200)).toBe(masked);
});

test('a secret is masked wherever it stands, also where the text is cut in it (property)', () => {
  const secrets = [
    `eyJhbGciOiJIUzI1NiJ9.${'eyJzdWIiOiIx'.repeat(20)}.${'c2lnbmF0dXJl'.repeat(4)}`,
    `eyJ${'hbGciOiJIUzI1NiJ9'.repeat(30)}`,
    'tiihtNczf5v6AKRyjwEUhQ==',
    'oGZUI0egBJY1zhBYw2KhdUfwVJJE',
    '0a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P',
  ];
  const part = fc.oneof(fc.constantFrom(...secrets), fc.stringMatching(/^[a-z%]{0,60}$/));
  const text = fc.array(part, { minLength: 1, maxLength: 12 }).map((parts) => parts.join('/'));
  fc.assert(
    fc.property(text, fc.integer({ min: 1, max: 300 }), (text, length) => {
      const kept = scrub(text, length);
      expect(kept.length).toBeLessThanOrEqual(length);
      // What a cut leaves of a token's first characters is no secret: all begin so.
      for (const secret of secrets) expect(kept).not.toContain(secret.slice(12, 24));
    }),
    { numRuns: 2000 },
  );
});

test.each([
  ['a path of eyJeyJ…', `/${'eyJ'.repeat(5000)}`, 200],
  ['a path that has no end', `/${'a/'.repeat(7500)}`, 200],
])('%s is one short line of the log', async (_name, path, length) => {
  const app = await startApp();
  await app.call('GET', path);
  expect(app.log.at(-1)).toMatchObject({ status: 404 });
  expect(String(app.log.at(-1)?.['path']).length).toBeLessThanOrEqual(length);
});

test('what a failure says is cut too', async () => {
  const app = await startApp();
  const port = Number(new URL(app.url).port);
  const headers = { Host: `${'a.'.repeat(7000)}example.com` };
  const asked = request({ port, host: '127.0.0.1', path: '/sandbox/control/state', headers }).end();
  const [{ statusCode }] = await once(asked, 'response');
  expect(statusCode).toBe(403);
  await expect.poll(() => app.log.at(-1)).toMatchObject({ code: 'sandbox_is_local' });
  expect(String(app.log.at(-1)?.['reason']).length).toBeLessThanOrEqual(1000);
});

test('a token in a path is masked in the log', async () => {
  const app = await startApp();
  const { token } = (await app.login({ user: 'Ada' })).body;
  await app.call('GET', `/api/${token.replace('Bearer ', '')}`);
  expect(app.log.at(-1)).toMatchObject({ path: '/api/[token]', status: 404 });
});

test('what an open page asks every other second is logged at debug, its failures as any', async () => {
  const app = await startApp();
  for (const path of ['/sandbox/control/state', '/sandbox/demo/users/Ada']) {
    await app.call('GET', path);
    expect(app.log.at(-1)).toMatchObject({ path, status: 200, level: 20 });
  }
  await app.call('GET', `/sandbox/demo/users/${'x'.repeat(65)}`);
  expect(app.log.at(-1)).toMatchObject({ status: 400, code: 'invalid_request', level: 30 });
});

test('a token that cannot be read is not quoted in the log', async () => {
  const app = await startApp();
  const { token } = (await app.login({ user: 'Ada' })).body;
  const [header, payload = '', signature] = token.replace('Bearer ', '').split('.');
  const json = Buffer.from(payload, 'base64url').toString().replace('"openid"', '!"openid"');
  const damaged = [header, Buffer.from(json).toString('base64url'), signature].join('.');
  await app.call('GET', '/api/wxuser/me', undefined, { Authorization: damaged });
  expect(app.log.at(-1)).toMatchObject({ code: 'token_invalid', status: 401 });
  expect(JSON.stringify(app.log.at(-1))).not.toMatch(/openid|oduJ/);
});

test('a client that leaves before the answer is logged as 499, and what came of his request too', async () => {
  const { errcode, startStandIn } = await import('./support/wechat.ts');
  const { realSettings } = await import('./support/app.ts');
  const wechat = await startStandIn();
  let release = () => {};
  const asked = new Promise<void>((resolve) => {
    wechat.answer((res, req) => {
      release = () => errcode(40125)(res, req);
      resolve();
    });
  });
  const app = await startApp({ env: realSettings(wechat.url) });
  const leave = new AbortController();
  const init = {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: '{"code":"c"}',
    signal: leave.signal,
  };
  const left = fetch(`${app.url}/api/wxuser`, init).catch(() => 'left');
  await asked;
  leave.abort();
  expect(await left).toBe('left');
  await expect.poll(() => app.log.at(-1)).toMatchObject({ status: 499, aborted: true });
  release();
  await expect
    .poll(() => app.log.find((line) => line['msg'] === 'failed after the client left'))
    .toMatchObject({ code: 'wechat_misconfigured' });
});
