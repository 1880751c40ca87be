import { describe, expect, test } from 'vitest';
import { startApp } from './support/app.ts';

/** A sandbox takes what came through a proxy to this host only. */
const BEHIND_PROXY = { PUBLIC_URL: 'https://login.example.com' };
const Host = 'login.example.com';

test('one line per request, with these fields and no others', async () => {
  const app = await startApp();
  const { body } = await app.login({ user: 'Ada' });
  await app.call('GET', '/api/wxuser/me?code=0abc', undefined, { Authorization: body.token });
  const { headers } = await app.call('POST', '/api/wxuser?js_code=secret', {});

  const lines = app.log.filter(
    (line) => line['msg'] === 'request' && !String(line['path']).startsWith('/sandbox'),
  );
  const base = {
    level: 30,
    time: expect.any(String),
    id: expect.any(String),
    ms: expect.any(Number),
    msg: 'request',
  };
  expect(lines).toEqual([
    { ...base, method: 'POST', path: '/api/wxuser', status: 200 },
    { ...base, method: 'GET', path: '/api/wxuser/me', status: 200, user: body.user.id },
    {
      ...base,
      method: 'POST',
      path: '/api/wxuser',
      status: 400,
      id: headers.get('x-request-id'),
      code: 'invalid_request',
      fields: ['code'],
    },
  ]);
});

test('an unforeseen failure is told in the log only, under the requestId of the reply', async () => {
  const app = await startApp();
  const { sql } = await import('kysely');
  await app.sql(sql`ALTER TABLE wxuser RENAME COLUMN nickName TO other`);
  const { status, body } = await app.login({ user: 'Ada' });
  expect(status).toBe(500);
  expect(body).toEqual({
    status: 500,
    code: 'internal_error',
    messages: '服务器内部错误，请稍后再试',
    retry: 'later',
    requestId: expect.any(String),
  });
  const line = app.log.find((entry) => entry['id'] === body.requestId);
  expect(line).toMatchObject({
    level: 50,
    code: 'internal_error',
    reason: expect.stringMatching(/nickName[\s\S]*at /),
  });
});

describe('headers', () => {
  test('helmet’s are there, and nothing says what the server is made of', async () => {
    const { headers } = await (await startApp()).call('GET', '/healthz');
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('content-security-policy')).toContain("default-src 'self'");
    expect(headers.has('x-powered-by')).toBe(false);
  });
});

describe('the limit on logins', () => {
  test('counts by address, and says when to come back', async () => {
    const app = await startApp({ env: { LOGIN_RATE_LIMIT: '3' } });
    const statuses = [];
    for (let i = 0; i < 4; i++) statuses.push((await app.login({ user: `u${i}` })).status);
    expect(statuses).toEqual([200, 200, 200, 429]);
    const { body, headers } = await app.login({ user: 'Ada' });
    expect(body).toMatchObject({ code: 'too_many_requests', retry: 'later' });
    expect(Number(headers.get('retry-after'))).toBeGreaterThan(50);
    expect((await app.call('GET', '/api/wxuser/me')).status).toBe(401); // other routes go on
    expect(await app.rows()).toHaveLength(3);
  });

  test('a forged X-Forwarded-For does not help', async () => {
    const app = await startApp({ env: { ...BEHIND_PROXY, LOGIN_RATE_LIMIT: '1' } });
    const from = (address: string) =>
      app.call('POST', '/api/wxuser', { code: 'c' }, { Host, 'X-Forwarded-For': address });
    await from('203.0.113.1');
    const { body } = await from('203.0.113.2');
    expect(body.code).toBe('too_many_requests');
    expect(app.log.find((line) => line['id'] === body.requestId)?.['reason']).toMatch(
      /TRUST_PROXY is not set/,
    );
  });

  test('behind a proxy that TRUST_PROXY names, each client has his own', async () => {
    const app = await startApp({ env: { ...BEHIND_PROXY, LOGIN_RATE_LIMIT: '1', TRUST_PROXY: '1' } });
    const from = (address: string) =>
      app.call('POST', '/api/wxuser', { code: 'c' }, { Host, 'X-Forwarded-For': address });
    await from('203.0.113.1');
    expect((await from('203.0.113.2')).status).toBe(401);
    expect((await from('203.0.113.1')).status).toBe(429);
  });
});

test('healthz and readyz', async () => {
  const app = await startApp();
  expect((await app.call('GET', '/healthz')).body).toEqual({ status: 200, messages: '服务运行中' });
  expect((await app.call('GET', '/readyz', undefined, { 'Accept-Language': 'en' })).body).toEqual({
    status: 200,
    messages: 'Ready',
  });
});
