import { request } from 'node:http';
import { describe, expect, test } from 'vitest';
import { startApp } from './support/app.ts';
import { openSandbox } from './support/sandbox.ts';

interface Answer {
  readonly status: number;
  readonly code: string | undefined;
}

/** fetch takes no Host. */
function ask(url: string, headers: Record<string, string>, method = 'GET'): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { method, headers }, (res) => {
      let text = '';
      res.setEncoding('utf8').on('data', (part: string) => {
        text += part;
      });
      res.on('end', () =>
        resolve({
          status: res.statusCode ?? 0,
          code: text.startsWith('{') ? JSON.parse(text).code : undefined,
        }),
      );
    });
    sent.on('error', reject).end();
  });
}

const REFUSED = { status: 403, code: 'sandbox_is_local' };

describe('a sandbox answers', () => {
  test.each([
    'localhost:8888',
    '127.0.0.1:8888',
    '[::1]:8888',
    '192.168.1.20',
    'weapp:8888',
    'my.mac.local',
    'host.docker.internal',
    'app.localhost',
  ])('to %s', async (host) => {
    const { url } = await startApp();
    expect(await ask(`${url}/sandbox/control/state`, { host })).toMatchObject({ status: 200 });
  });

  test.each(['rebind.example:8888', 'evil.com', 'localhost.evil.com', '127.0.0.1.evil.com', 'evil.com.'])(
    'not to %s, a name that strangers could lead here',
    async (host) => {
      const { url } = await startApp();
      for (const path of ['/control/state', '/demo/users/Ada', '/demo/phone.html', '/sns/jscode2session'])
        expect([path, await ask(`${url}/sandbox${path}`, { host })]).toEqual([path, REFUSED]);
    },
  );

  test('to the host of PUBLIC_URL, whatever it is', async () => {
    const { url } = await startApp({ env: { PUBLIC_URL: 'https://demo.example.com' } });
    expect(await ask(`${url}/sandbox/control/state`, { host: 'demo.example.com' })).toMatchObject({
      status: 200,
    });
    expect(await ask(`${url}/sandbox/control/state`, { host: 'other.example.com' })).toEqual(REFUSED);
  });

  test('alone, in the same way', async () => {
    const { url } = await openSandbox();
    expect(await ask(`${url}/control/state`, { host: 'rebind.example' })).toEqual(REFUSED);
  });

  test('no page of another site, whatever it sends; a link leads here', async () => {
    const { url, call } = await startApp();
    const { host } = new URL(url);
    for (const site of ['cross-site', 'same-site']) {
      const headers = { host, 'sec-fetch-site': site, 'sec-fetch-mode': 'no-cors' };
      expect(await ask(`${url}/sandbox/wx/login`, headers, 'POST')).toEqual(REFUSED);
      const form = { ...headers, 'sec-fetch-mode': 'navigate' };
      expect(await ask(`${url}/sandbox/login-button`, form, 'POST')).toEqual(REFUSED);
      expect(await ask(`${url}/sandbox/control`, form)).toMatchObject({ status: 200 });
    }
    expect((await call('GET', '/sandbox/control/users')).body).toEqual([]);
    const own = { host, 'sec-fetch-site': 'same-origin', 'sec-fetch-mode': 'cors' };
    expect(await ask(`${url}/sandbox/wx/login`, own, 'POST')).toMatchObject({ status: 200 });
  });
});
