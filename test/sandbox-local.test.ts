import { once } from 'node:events';
import { request } from 'node:http';
import { connect } from 'node:net';
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

const PATHS = [
  '/',
  '/healthz',
  '/api/wxuser/me',
  '/user/wechatlogin',
  '/nothing',
  '/sandbox/control/state',
  '/sandbox/demo/users/Ada',
  '/sandbox/demo/phone.html',
  '/sandbox/sns/jscode2session',
];

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
      for (const path of PATHS) expect([path, await ask(url + path, { host })]).toEqual([path, REFUSED]);
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

describe('what came through a proxy is refused', () => {
  test.each([
    ['X-Forwarded-For', '203.0.113.7'],
    ['X-Forwarded-For', '127.0.0.1'],
    ['X-Forwarded-Proto', 'https'],
    ['X-Forwarded-Host', 'localhost'],
    ['Forwarded', 'for=203.0.113.7'],
    ['Via', '1.1 varnish'],
    ['X-Real-IP', '203.0.113.7'],
    ['CF-Connecting-IP', '203.0.113.7'],
    ['True-Client-IP', '203.0.113.7'],
    ['X-Client-IP', '203.0.113.7'],
    ['X-Azure-ClientIP', '203.0.113.7'],
    ['Ali-CDN-Real-IP', '203.0.113.7'],
    ['CDN-Loop', 'cloudflare'],
    ['X-Amzn-Trace-Id', 'Root=1-67891233-abcdef012345678912345678'],
    ['X-Envoy-External-Address', '203.0.113.7'],
  ])('%s: %s', async (name, value) => {
    const app = await startApp();
    for (const path of PATHS)
      expect([path, await ask(app.url + path, { [name]: value })]).toEqual([path, REFUSED]);
    const { status, body } = await app.call('POST', '/api/wxuser', await app.button(), { [name]: value });
    expect([status, body.code]).toEqual([403, 'sandbox_is_local']);
    expect(await app.rows()).toEqual([]);
    const { reason } = app.log.findLast((line) => line['code'] === 'sandbox_is_local') ?? {};
    expect(reason).toBe(
      `came through a proxy (${name.toLowerCase()}), to a host that is not that of PUBLIC_URL`,
    );
  });

  test('HTTP/1.0, which proxies speak and no browser', async () => {
    const { url } = await startApp();
    const { port, host } = new URL(url);
    for (const path of PATHS)
      expect(await raw(Number(port), `GET ${path} HTTP/1.0\r\nHost: ${host}\r\n\r\n`)).toMatch(
        /^HTTP\/1.1 403 [\s\S]*sandbox_is_local/,
      );
  });

  test.each(['203.0.113.7', '203.0.113.7:8888', '[2001:db8::1]:8888'])(
    'a public address (%s) that somebody leads to loopback',
    async (host) => {
      const { url } = await startApp();
      for (const path of PATHS) expect([path, await ask(url + path, { host })]).toEqual([path, REFUSED]);
    },
  );

  test.each([
    ['http://localhost:8888', 'localhost:8888'],
    ['http://127.0.0.1', '127.0.0.1'],
    ['http://192.168.1.20:8888', '192.168.1.20:8888'],
    ['https://login.internal', 'login.internal'],
    ['https://weapp', 'weapp'],
    ['http://[::1]:8888', '[::1]:8888'],
  ])('nor does a PUBLIC_URL that is local let a proxy in: %s', async (PUBLIC_URL, host) => {
    const app = await startApp({ env: { PUBLIC_URL, TRUST_PROXY: '1' } });
    for (const path of PATHS)
      expect([path, await ask(app.url + path, { host, 'x-forwarded-for': '203.0.113.7' })]).toEqual([
        path,
        REFUSED,
      ]);
    expect(await ask(`${app.url}/healthz`, { host })).toMatchObject({ status: 200 });
  });

  test.each([
    ['http://[2001:db8::1]:8888', '[2001:DB8:0::1]:8888'],
    ['http://203.0.113.7', '203.0.113.7'],
  ])('a PUBLIC_URL with a public address does: %s', async (PUBLIC_URL, host) => {
    const app = await startApp({ env: { PUBLIC_URL, TRUST_PROXY: '1' } });
    const through = { host, 'x-forwarded-for': '203.0.113.9' };
    expect(await ask(`${app.url}/sandbox/control/state`, through)).toMatchObject({ status: 200 });
  });

  test('but not where PUBLIC_URL names the host that it came to', async () => {
    const app = await startApp({ env: { PUBLIC_URL: 'https://demo.example.com', TRUST_PROXY: '1' } });
    const through = { 'x-forwarded-for': '203.0.113.7', via: '1.1 caddy' };
    const there = { ...through, host: 'demo.example.com' };
    expect(await ask(`${app.url}/`, there)).toMatchObject({ status: 200 });
    expect(await ask(`${app.url}/api/wxuser/me`, there)).toMatchObject({ code: 'token_missing' });
    const page = { ...there, origin: 'https://demo.example.com' };
    expect(await ask(`${app.url}/sandbox/wx/login`, page, 'POST')).toMatchObject({ status: 200 });
    for (const host of ['other.example.com', 'localhost', '127.0.0.1', new URL(app.url).host])
      expect([host, await ask(`${app.url}/`, { ...through, host })]).toEqual([host, REFUSED]);
    expect(await ask(`${app.url}/`, { ...through, 'x-forwarded-host': 'demo.example.com' })).toEqual(REFUSED);
  });
});

describe('a form of another site reaches nothing', () => {
  const FORMS: readonly (readonly [string, Record<string, string>])[] = [
    ['by Sec-Fetch-Site', { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' }],
    ['from another port of this machine', { 'sec-fetch-site': 'same-site', 'sec-fetch-mode': 'navigate' }],
    [
      'of a page at a public name, to which a silent proxy gave another Host',
      { 'sec-fetch-site': 'same-origin', origin: 'https://login.example.com' },
    ],
    ['of an older browser, by Origin', { origin: 'https://evil.example' }],
    ['of an older browser, from a file or a frame without an origin', { origin: 'null' }],
    ['with an Origin that is none', { origin: 'evil' }],
    [
      'with our host in the name of its page',
      { origin: 'https://evil.example', referer: 'https://evil.example/https://servicewechat.com/' },
    ],
    [
      'of a site whose name begins as WeChat’s',
      {
        origin: 'https://servicewechat.com.evil.example',
        referer: 'https://servicewechat.com.evil.example/',
      },
    ],
  ];

  test.each(FORMS)('%s', async (_name, headers) => {
    const app = await startApp();
    const form = { ...headers, 'content-type': 'application/x-www-form-urlencoded' };
    for (const path of [
      '/sandbox/wx/login',
      '/sandbox/login-button',
      '/sandbox/control/faults',
      '/api/wxuser',
    ])
      expect([path, await ask(app.url + path, form, 'POST')]).toEqual([path, REFUSED]);
    for (const method of ['PUT', 'DELETE', 'PATCH'])
      expect(await ask(`${app.url}/sandbox/control/state`, form, method)).toEqual(REFUSED);
    const token = '/sandbox/cgi-bin/token?grant_type=client_credential';
    expect(await ask(app.url + token, headers)).toEqual(REFUSED); // a form of method GET
    expect((await app.call('GET', '/sandbox/control/users')).body).toEqual([]);
  });

  test.each([
    ['the page itself', (host: string) => ({ 'sec-fetch-site': 'same-origin', origin: `http://${host}` })],
    ['the page itself in an older browser', (host: string) => ({ origin: `http://${host}` })],
    [
      'a page behind a development server that changes the Host',
      () => ({ 'sec-fetch-site': 'same-origin', origin: 'http://localhost:5173' }),
    ],
    ['curl and every other program', () => ({})],
    [
      'a mini program in WeChat DevTools, which a browser calls cross-site',
      () => ({
        'sec-fetch-site': 'cross-site',
        'sec-fetch-mode': 'cors',
        referer: 'https://servicewechat.com/wx4f4bc4dec97d474b/devtools/page-frame.html',
      }),
    ],
    [
      'a mini program on a phone',
      () => ({ referer: 'https://servicewechat.com/wx4f4bc4dec97d474b/0/page-frame.html' }),
    ],
  ])('these are none: %s', async (_name, headersFor) => {
    const { url } = await startApp();
    const headers = headersFor(new URL(url).host);
    for (const path of ['/sandbox/wx/login', '/sandbox/login-button'])
      expect(await ask(url + path, headers, 'POST')).toMatchObject({ status: 200 });
    expect(await ask(`${url}/api/wxuser`, headers, 'POST')).toMatchObject({ code: 'invalid_request' });
  });
});

const PICTURES = [`/avatars/${'0'.repeat(64)}.jpg`, '/sandbox/cdn/thirdwx.qlogo.cn/mmopen/a/132'];
const CROSS_SITE = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'image' };

describe('a page of another site', () => {
  test.each(['cross-site', 'same-site'])('shows pictures and nothing else (%s)', async (site) => {
    const app = await startApp();
    const headers = { ...CROSS_SITE, 'sec-fetch-site': site, referer: 'http://evil.example/' };
    const [avatar, portrait] = PICTURES.map((path) => app.url + path);
    for (const method of ['GET', 'HEAD']) expect((await ask(avatar ?? '', headers, method)).status).toBe(404); // not refused: there is none
    const shown = await fetch(portrait ?? '', { headers });
    expect([shown.status, shown.headers.get('cross-origin-resource-policy')]).toEqual([200, 'cross-origin']);
    for (const path of PICTURES) {
      expect(await ask(app.url + path, headers, 'POST')).toEqual(REFUSED);
      expect(await ask(app.url + path, { ...headers, via: '1.1 caddy' })).toEqual(REFUSED);
      expect(await ask(app.url + path, { ...headers, host: 'evil.example' })).toEqual(REFUSED);
    }
    for (const path of ['/api/wxuser/me', '/sandbox/control/state', '/healthz?a=/avatars/a', '/avatars/'])
      expect([path, await ask(app.url + path, headers)]).toEqual([path, REFUSED]);
  });

  test('of the host of PUBLIC_URL is ours, on whatever port and in every browser', async () => {
    const { url } = await startApp({ env: { PUBLIC_URL: 'https://demo.example.com' } });
    const page = 'https://demo.example.com:8443';
    for (const headers of [
      { 'sec-fetch-site': 'same-site', 'sec-fetch-mode': 'cors', origin: page },
      { 'sec-fetch-site': 'same-site', 'sec-fetch-mode': 'no-cors', referer: `${page}/` },
      { origin: page },
    ])
      for (const host of ['demo.example.com', new URL(url).host])
        expect(await ask(`${url}/sandbox/wx/login`, { ...headers, host }, 'POST')).toMatchObject({
          status: 200,
        });
    const other = { 'sec-fetch-site': 'same-site', origin: 'https://other.example.com' };
    expect(await ask(`${url}/sandbox/wx/login`, other, 'POST')).toEqual(REFUSED);
  });

  test.each(['localhost', '127.0.0.1', '[::1]'])(
    'on another port of %s asks the server, and nothing under /sandbox',
    async (name) => {
      const { url } = await startApp({ env: { PUBLIC_URL: `http://${name}:8888` } });
      const host = `${name}:8888`;
      const sent = { 'sec-fetch-site': 'same-site', 'sec-fetch-mode': 'cors' };
      for (const page of [{ ...sent, origin: `http://${name}:5173` }, { origin: `http://${name}:5173` }]) {
        for (const method of ['GET', 'OPTIONS', 'DELETE'])
          expect((await ask(`${url}/api/wxuser/me`, { ...page, host }, method)).status).not.toBe(403);
        for (const path of ['/sandbox/wx/login', '/sandbox/control/faults', '/sandbox/demo/users/Ada'])
          expect([path, await ask(url + path, { ...page, host }, 'POST')]).toEqual([path, REFUSED]);
      }
      const elsewhere = { ...sent, 'sec-fetch-site': 'cross-site', host, origin: 'http://evil.example:5173' };
      expect(await ask(`${url}/api/wxuser/me`, elsewhere)).toEqual(REFUSED);
    },
  );

  test('on another port of a name that is not loopback asks nothing', async () => {
    const { url } = await startApp();
    const page = {
      'sec-fetch-site': 'same-site',
      origin: 'http://weapp.local:5173',
      host: 'weapp.local:8888',
    };
    expect(await ask(`${url}/api/wxuser/me`, page)).toEqual(REFUSED);
  });
});

test.each(['1', '12', '012', '1/page-frame.html'])(
  'a released mini program (version %s) is refused on every route and host, and the log says why',
  async (version) => {
    const app = await startApp({ env: { PUBLIC_URL: 'https://demo.example.com' } });
    const referer = `https://servicewechat.com/wx4f4bc4dec97d474b/${version}`;
    for (const host of ['demo.example.com', new URL(app.url).host])
      for (const path of [...PATHS, ...PICTURES])
        expect([path, await ask(app.url + path, { host, referer })]).toEqual([path, REFUSED]);
    expect((await app.call('POST', '/api/wxuser', { code: 'a' }, { referer })).body.code).toBe(
      'sandbox_is_local',
    );
    expect(app.log.at(-1)?.['reason']).toMatch(
      /^a released mini program is talking to a sandbox: set WX_APPID/,
    );
    for (const other of ['0', 'devtools'])
      expect(
        await ask(`${app.url}/healthz`, {
          referer: `https://servicewechat.com/wx4f4bc4dec97d474b/${other}/`,
        }),
      ).toMatchObject({ status: 200 });
  },
);

async function raw(port: number, text: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  let answer = '';
  socket.setEncoding('utf8').on('data', (part: string) => {
    answer += part;
  });
  socket.end(text);
  await once(socket, 'close');
  return answer;
}
