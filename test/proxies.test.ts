import { describe, expect, test } from 'vitest';
import { parseAddress } from '../src/ip-address.ts';
import { startApp, type TestApp } from './support/app.ts';

/** A sandbox may stand behind a proxy under its public name. */
const PUBLIC_URL = 'https://login.example.com';
const Host = 'login.example.com';

const behindProxy = (env: Record<string, string>) =>
  startApp({ env: { PUBLIC_URL, TRUST_PROXY: '1', ...env } });

async function logIn(app: TestApp, forwardedFor: string) {
  const { user: _, ...button } = await app.button();
  return app.call('POST', '/api/wxuser', button, { Host, 'X-Forwarded-For': forwardedFor });
}

/** The network that the newest session of the user was opened from. */
async function placeOf(app: TestApp, token: string): Promise<string> {
  const { body } = await app.call('GET', '/api/wxuser/sessions', undefined, { Authorization: token });
  return body.sessions.find(({ current }: { current: boolean }) => current).place;
}

describe('an address is read', () => {
  test.each([
    ['203.0.113.7', '203.0.113.7'],
    ['203.0.113.7:5678', '203.0.113.7'],
    ['::ffff:203.0.113.7', '203.0.113.7'],
    ['::FFFF:cb00:7107', '203.0.113.7'],
    ['[::ffff:203.0.113.7]:80', '203.0.113.7'],
    ['2001:DB8:0:0::1', '2001:db8::1'],
    ['[2001:db8::1]', '2001:db8::1'],
    ['[2001:db8::1]:443', '2001:db8::1'],
    ['fe80::1%eth0', 'fe80::1'],
  ])('%s', (text, address) => {
    expect(parseAddress(text)).toBe(address);
  });

  test('and anything else is none', () => {
    const texts = [
      '',
      'unknown',
      '_hidden',
      'example.com',
      '1.2.3',
      '1.2.3.4.5',
      '01.2.3.4',
      '256.1.1.1',
      '1.2.3.4:',
      '1.2.3.4:80:80',
      '[1.2.3.4',
      '[1.2.3.4]x',
      '1.2.3.4, 5.6.7.8',
      "'; DROP TABLE wxuser; --",
      '<script>alert(1)</script>',
      '%1',
      '::1::2',
      '1'.repeat(16_000),
      `fe80::1%${'x'.repeat(16_000)}`,
    ];
    for (const text of texts) expect([text, parseAddress(text)]).toEqual([text, undefined]);
  });
});

describe('behind a trusted proxy', () => {
  test.each([
    ['an address', '203.0.113.7', '203.0.113.*'],
    ['a port', '203.0.113.7:5678', '203.0.113.*'],
    ['IPv6 with a port', '[2001:db8:1::1]:443', '2001:db8:1:*'],
    ['a list', '198.51.100.1, 203.0.113.7', '203.0.113.*'],
    ['a word', 'unknown', '127.0.0.*'],
    ['a hidden name', '_hidden', '127.0.0.*'],
    ['a list that ends in a word', '198.51.100.1, unknown', '127.0.0.*'],
    ['HTML', '<b>me</b>', '127.0.0.*'],
    ['a long text', 'x'.repeat(12_000), '127.0.0.*'],
    ['a long zone', `fe80:1:2::1%${'x'.repeat(12_000)}`, '127.0.0.*'],
  ])('X-Forwarded-For may hold %s', async (_name, header, place) => {
    const app = await behindProxy({});
    const { status, body } = await logIn(app, header);
    expect(status).toBe(200);
    expect(await placeOf(app, body.token)).toBe(place);
  });

  test.each([
    ['ports', ['203.0.113.7:1', '203.0.113.7:2', '203.0.113.7']],
    ['spellings of IPv4', ['203.0.113.7', '::ffff:203.0.113.7', '[::ffff:cb00:7107]:80']],
    ['addresses of one IPv6 network', ['2001:db8::1', '2001:DB8:0:0:1::2', '[2001:db8::3]:443']],
    ['zones', ['fe80::1%a', 'fe80::1%b', 'fe80::1%c']],
    ['invented texts', ['unknown', '_hidden', 'x'.repeat(12_000)]],
  ])('%s give nobody a second limit', async (_name, headers) => {
    const app = await behindProxy({ LOGIN_RATE_LIMIT: '2' });
    const statuses = [];
    for (const header of headers) statuses.push((await logIn(app, header)).status);
    expect(statuses).toEqual([200, 200, 429]);
    expect((await logIn(app, '192.0.2.1')).status).toBe(200);
  });

  test('a proxy that is named is believed where it stands with its port, too', async () => {
    const app = await behindProxy({ TRUST_PROXY: 'loopback, 10.0.0.0/8' });
    const { body } = await logIn(app, '192.0.2.1, 203.0.113.7:5678, 10.0.0.4:443, 10.0.0.5');
    expect(await placeOf(app, body.token)).toBe('203.0.113.*');
  });
});

describe('behind a proxy without TRUST_PROXY', () => {
  const warnings = (app: TestApp) =>
    app.log.filter(({ level, msg }) => level === 40 && /TRUST_PROXY/.test(String(msg)));

  test.each(['X-Forwarded-For', 'Forwarded', 'X-Real-IP'])(
    'the log says once that all users share one limit: %s',
    async (name) => {
      const app = await startApp({ env: { PUBLIC_URL } });
      await app.call('GET', '/healthz');
      expect(warnings(app)).toEqual([]);
      for (let i = 0; i < 3; i++)
        await app.call('GET', '/healthz', undefined, { Host, [name]: 'for=203.0.113.7' });
      expect(warnings(app)).toMatchObject([
        { msg: expect.stringMatching(/share one limit on logins\. Set TRUST_PROXY to the number/) },
      ]);
    },
  );

  test.each([
    ['another proxy than TRUST_PROXY names', { TRUST_PROXY: '10.0.0.5' }, 'X-Forwarded-For'],
    ['a header that is not read', { TRUST_PROXY: '1' }, 'X-Real-IP'],
  ])('or behind %s', async (_name, env, header) => {
    const app = await startApp({ env: { PUBLIC_URL, ...env } });
    await app.call('GET', '/healthz', undefined, { Host, [header]: '203.0.113.7' });
    expect(warnings(app)).toMatchObject([{ proxy: expect.stringContaining('127.0.0.1') }]);
  });

  test.each(['0', '1', 'loopback'])('not with TRUST_PROXY=%s', async (TRUST_PROXY) => {
    const app = await startApp({ env: { PUBLIC_URL, TRUST_PROXY } });
    await app.call('GET', '/healthz', undefined, { Host, 'X-Forwarded-For': '203.0.113.7' });
    expect(warnings(app)).toEqual([]);
  });
});
