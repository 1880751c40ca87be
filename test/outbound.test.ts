import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, createServer } from 'node:net';
import { describe, expect, inject, onTestFinished, test, vi } from 'vitest';
import { parseAvatarStore, type S3Address } from '../src/avatar-store-url.ts';
import { createS3Store } from '../src/avatars/s3.ts';
import { type ConfigError, loadConfig } from '../src/config.ts';
import { examineCallback } from '../src/doctor/callback.ts';
import { AppError } from '../src/errors.ts';
import { isInNoProxy } from '../src/outbound/no-proxy.ts';
import { proxyFor } from '../src/outbound/proxy.ts';
import { createWeChat } from '../src/wechat/client.ts';
import { APPID, JWT_SECRET, startApp, WX_SECRET } from './support/app.ts';
import { hasOpenssl, makeCertificates } from './support/certificates.ts';
import { type HttpProxyServer, pass, startHttpProxy } from './support/http-proxy.ts';
import { freePort } from './support/ports.ts';
import { run, runServer } from './support/process.ts';
import { openSandbox } from './support/sandbox.ts';

const WECHAT = 'https://api.weixin.qq.com';
const PASSWORD = 'p@ss:/?#%安';
const ENCODED = 'p%40ss%3A%2F%3F%23%25%E5%AE%89';

describe('the proxy that an environment names', () => {
  const auth = (username: string, password: string) => ({ auth: { username, password } });

  test.each<[string, object]>([
    ['http://proxy.corp:3128', { protocol: 'http', host: 'proxy.corp', port: 3128 }],
    ['http://proxy.corp:3128/', { protocol: 'http', host: 'proxy.corp', port: 3128 }],
    ['proxy.corp:3128', { protocol: 'http', host: 'proxy.corp', port: 3128 }],
    ['10.0.0.1:3128', { protocol: 'http', host: '10.0.0.1', port: 3128 }],
    ['http://proxy.corp', { protocol: 'http', host: 'proxy.corp', port: 80 }],
    ['https://proxy.corp', { protocol: 'https', host: 'proxy.corp', port: 443 }],
    ['HTTPS://proxy.corp:8443', { protocol: 'https', host: 'proxy.corp', port: 8443 }],
    ['http://[fd00::1]:3128', { protocol: 'http', host: 'fd00::1', port: 3128 }],
    ['  http://proxy.corp:3128  ', { host: 'proxy.corp', port: 3128 }],
    [`http://me:${ENCODED}@proxy.corp:3128`, { host: 'proxy.corp', ...auth('me', PASSWORD) }],
    [`me:${ENCODED}@proxy.corp:3128`, { host: 'proxy.corp', ...auth('me', PASSWORD) }],
    ['http://corp%5Cme:x@proxy.corp:3128', auth('corp\\me', 'x')],
    ['http://me:p@ss@proxy.corp:3128', { host: 'proxy.corp', ...auth('me', 'p@ss') }],
    ['http://me:100%@proxy.corp:3128', auth('me', '100%')],
    ['http://me:%zz%41@proxy.corp:3128', auth('me', '%zzA')],
    ['http://me:%ff%41@proxy.corp:3128', auth('me', '%ff%41')],
    ['http://me@proxy.corp:3128', auth('me', '')],
    ['http://:x@proxy.corp:3128', auth('', 'x')],
  ])('%s', (value, expected) => {
    expect(proxyFor(WECHAT, { HTTPS_PROXY: value })).toMatchObject({ setting: 'HTTPS_PROXY', ...expected });
  });

  test.each<[string, string, Record<string, string>, string | undefined]>([
    ['the small spelling first', WECHAT, { https_proxy: 'a:1', HTTPS_PROXY: 'b:1' }, 'https_proxy'],
    ['an empty one is none', WECHAT, { https_proxy: ' ', HTTPS_PROXY: 'b:1' }, 'HTTPS_PROXY'],
    ['of https alone for https', WECHAT, { HTTP_PROXY: 'a:1' }, undefined],
    ['of http for http', 'http://a.test', { HTTP_PROXY: 'a:1', HTTPS_PROXY: 'b:1' }, 'HTTP_PROXY'],
    ['of all, else', WECHAT, { HTTP_PROXY: 'a:1', ALL_PROXY: 'c:1' }, 'ALL_PROXY'],
    ['of all, small', 'http://a.test', { all_proxy: 'c:1' }, 'all_proxy'],
    ['none', WECHAT, {}, undefined],
    ['not for what NO_PROXY names', WECHAT, { HTTPS_PROXY: 'a:1', NO_PROXY: '.qq.com' }, undefined],
    ['nor no_proxy', WECHAT, { HTTPS_PROXY: 'a:1', no_proxy: '*', NO_PROXY: 'x' }, undefined],
    ['not for localhost', 'http://localhost:9', { HTTP_PROXY: 'a:1', ALL_PROXY: 'a:1' }, undefined],
    ['nor a name below it', 'http://minio.localhost:9', { HTTP_PROXY: 'a:1' }, undefined],
    ['nor loopback', 'http://127.0.0.2:9', { HTTP_PROXY: 'socks5://a:1' }, undefined],
    ['nor that of IPv6', 'http://[::1]:9', { HTTP_PROXY: 'a:1' }, undefined],
  ])('%s', (_name, url, env, setting) => {
    expect(proxyFor(url, env)?.setting).toBe(setting);
  });

  test.each<[string, RegExp]>([
    [
      'socks5://127.0.0.1:1080',
      /^HTTPS_PROXY names a SOCKS proxy.*name an HTTP proxy.*NO_PROXY=api\.weixin\.qq\.com/,
    ],
    ['socks5h://me:geheim@127.0.0.1:1080', /SOCKS/],
    ['SOCKS://127.0.0.1:1080', /SOCKS/],
    ['ftp://proxy.corp', /^HTTPS_PROXY must be http:\/\/user:password@host:port/],
    ['http://', /^HTTPS_PROXY must be/],
    ['http://proxy.corp:99999', /^HTTPS_PROXY must be/],
    ['http://me:geheim#x@proxy.corp:3128', /%23/],
    ['http://me:geheim/x@proxy.corp:3128', /%2F/],
  ])('%s is refused at the start, without its password', (value, says) => {
    const env = { WX_APPID: APPID, WX_SECRET, JWT_SECRET, HTTPS_PROXY: value };
    const problems = (given: Record<string, string>) => {
      try {
        return loadConfig(given) && [];
      } catch (error) {
        return (error as ConfigError).problems;
      }
    };
    expect(problems(env)).toEqual([expect.stringMatching(says)]);
    expect(problems(env).join()).not.toContain('geheim');
    // Where nothing goes through it, it may stand there.
    expect(problems({ ...env, NO_PROXY: '.qq.com' })).toEqual([]);
    expect(problems({ HTTPS_PROXY: value })).toEqual([]);
    const store = { AVATAR_STORE: 's3://key:geheim-secret@store.test/bucket' };
    expect(problems({ HTTPS_PROXY: value, ...store })).toHaveLength(1);
  });
});

test.each<[string, string, number, boolean]>([
  ['*', 'api.weixin.qq.com', 443, true],
  ['a.test, *', 'api.weixin.qq.com', 443, true],
  ['.qq.com', 'api.weixin.qq.com', 443, true],
  ['*.qq.com', 'api.weixin.qq.com', 443, true],
  ['qq.com', 'api.weixin.qq.com', 443, true],
  ['api.weixin.qq.com', 'api.weixin.qq.com', 443, true],
  ['API.Weixin.QQ.com.', 'api.weixin.qq.com', 443, true],
  ['localhost qq.com:443', 'api.weixin.qq.com', 443, true],
  ['qq.com:80', 'api.weixin.qq.com', 443, false],
  ['q.com', 'api.weixin.qq.com', 443, false],
  ['weixin.qq', 'api.weixin.qq.com', 443, false],
  ['www.api.weixin.qq.com', 'api.weixin.qq.com', 443, false],
  ['', 'api.weixin.qq.com', 443, false],
  [' , ,', 'api.weixin.qq.com', 443, false],
  ['.', 'api.weixin.qq.com', 443, false],
  ['10.0.0.5', '10.0.0.5', 80, true],
  ['10.0.0.5:80', '10.0.0.5', 80, true],
  ['10.0.0.5:81', '10.0.0.5', 80, false],
  ['10.0.0.0/8', '10.1.2.3', 80, true],
  ['10.0.0.0/8', '11.1.2.3', 80, false],
  ['10.0.0.0/33', '10.1.2.3', 80, false],
  ['10.0.0.0/x', '10.1.2.3', 80, false],
  ['0.5', '10.0.0.5', 80, false],
  ['fd00::1', 'fd00::1', 80, true],
  ['[fd00::1]:80', 'fd00::1', 80, true],
  ['fd00::/8', 'fd12::3', 80, true],
  ['fd00::1', 'fd00::2', 80, false],
  ['[', 'fd00::2', 80, false],
])('NO_PROXY=%s and %s:%d: %s', (list, host, port, expected) => {
  expect(isInNoProxy(list, host, port)).toBe(expected);
});

const urlOf = ({ port }: { port: number }, userinfo = '') => `http://${userinfo}127.0.0.1:${port}`;

/** A client whose WeChat is reached through a proxy. */
function openWeChat(apiBase: string, env: Record<string, string>, timeoutMs = 2000) {
  const proxy = proxyFor(apiBase, env);
  const client = createWeChat({ appid: APPID, secret: WX_SECRET, apiBase, timeoutMs, proxy });
  onTestFinished(client.close);
  return client;
}

const reasonOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => Promise.reject(new Error('it did not fail')),
    (error: AppError) => {
      expect(error).toBeInstanceOf(AppError);
      expect(error).toMatchObject({ status: 503, code: 'wechat_unavailable' });
      return error.reason ?? '';
    },
  );

describe('WeChat through a proxy', () => {
  test('is asked with the password as it is, percent-encoded in the setting', async () => {
    const wechat = await openSandbox({ appid: APPID, secret: WX_SECRET });
    const proxy = await startHttpProxy({ wants: `me:${PASSWORD}`, target: wechat.url });
    const client = openWeChat('http://wechat.test', { HTTP_PROXY: urlOf(proxy, `me:${ENCODED}@`) });
    const { code } = wechat.wx.login('Ada');
    expect(await client.code2Session(code)).toMatchObject({ openid: expect.any(String) });
    expect(proxy.asked).toEqual(['GET http://wechat.test/sns/jscode2session']);
    expect(proxy.given).toEqual([`me:${PASSWORD}`]);
  });

  test.each<[string, string, (proxy: HttpProxyServer) => string, RegExp]>([
    [
      'http, a wrong password',
      'http://wechat.test',
      (proxy) => urlOf(proxy, 'me:geheim@'),
      /^the proxy refuses the user or password of HTTPS?_PROXY \(127\.0\.0\.1:\d+\) \(407\); write @/,
    ],
    [
      'https, a wrong password',
      WECHAT,
      (proxy) => urlOf(proxy, 'me:geheim@'),
      /^the proxy refuses the user or password of HTTPS_PROXY \(127\.0\.0\.1:\d+\) \(407\); write @/,
    ],
    [
      'https, no password',
      WECHAT,
      (proxy) => urlOf(proxy),
      /^the proxy wants a user and a password in HTTPS_PROXY \(127\.0\.0\.1:\d+\) \(407\)/,
    ],
  ])('%s', async (_name, apiBase, settingOf, says) => {
    const proxy = await startHttpProxy({ wants: 'me:right' });
    const value = settingOf(proxy);
    const reason = await reasonOf(
      openWeChat(apiBase, { HTTPS_PROXY: value, HTTP_PROXY: value }).code2Session('x'),
    );
    expect(reason).toMatch(says);
    expect(reason).not.toMatch(/WX_API_BASE|geheim/);
  });

  test.each([403, 502, 503])('a tunnel that the proxy refuses (%d)', async (refusal) => {
    const proxy = await startHttpProxy({ refusal });
    const reason = await reasonOf(openWeChat(WECHAT, { HTTPS_PROXY: urlOf(proxy) }).code2Session('x'));
    expect(reason).toMatch(
      new RegExp(
        `^the proxy of HTTPS_PROXY \\(127\\.0\\.0\\.1:\\d+\\) answered ${refusal} in the place of WeChat`,
      ),
    );
    expect(reason).not.toContain('WX_API_BASE');
    expect(proxy.asked).toEqual(['CONNECT api.weixin.qq.com:443']);
  });

  test('without a tunnel the answer may be of either, and both are said', async () => {
    const proxy = await startHttpProxy({ refusal: 403 });
    const client = openWeChat('http://wechat.test', { HTTP_PROXY: urlOf(proxy) });
    expect(await reasonOf(client.code2Session('x'))).toMatch(
      /^WeChat answered HTTP 403, by way of HTTP_PROXY \(127\.0\.0\.1:\d+\): is WX_API_BASE right\?$/,
    );
  });

  test.each<[string, () => Promise<string> | string, RegExp]>([
    [
      'refuses connections',
      async () => `http://me:geheim@127.0.0.1:${await freePort()}`,
      /no tunnel through the proxy of HTTPS_PROXY \(127\.0\.0\.1:\d+\) \(ECONNREFUSED\)/,
    ],
    [
      'has a name that nobody knows',
      () => 'http://me:geheim@no-such-proxy.invalid:3128',
      /HTTPS_PROXY \(no-such-proxy\.invalid:3128\) \((?:ENOTFOUND|EAI_AGAIN)\)/,
    ],
    [
      'cuts the connection',
      async () => urlOf(await listener((socket) => socket.destroy())),
      /HTTPS_PROXY \(127\.0\.0\.1:\d+\)/,
    ],
    [
      'is no HTTP proxy, and swallows',
      async () => urlOf(await listener(() => undefined)),
      /did not answer within 300 ms by way of HTTPS_PROXY \(127\.0\.0\.1:\d+\): is that an HTTP proxy/,
    ],
    [
      'speaks no TLS',
      async () => urlOf(await startHttpProxy()).replace('http:', 'https:'),
      /the proxy of HTTPS_PROXY \(127\.0\.0\.1:\d+\) speaks no TLS \(\w+\); write http:/,
    ],
  ])('one that %s', async (_name, setting, says) => {
    const client = openWeChat(WECHAT, { HTTPS_PROXY: await setting() }, 300);
    const reason = await reasonOf(client.code2Session('x'));
    expect(reason).toMatch(says);
    expect(reason).not.toMatch(/WX_API_BASE|geheim/);
  });

  test.skipIf(!hasOpenssl())(
    'one that opens TLS is told from WeChat, and its authority can be named',
    async () => {
      const wechat = await openSandbox({ appid: APPID, secret: WX_SECRET, now: () => new Date() });
      const { key, cert, ca } = makeCertificates(inject('folder'), 'DNS:api.weixin.qq.com');
      const files = { key: readFileSync(key), cert: readFileSync(cert) };
      const tls = createTlsServer(files, (req, res) => pass(req, res, wechat.url)).listen(0, '127.0.0.1');
      await once(tls, 'listening');
      onTestFinished(() => void tls.close().closeAllConnections());
      const target = `https://127.0.0.1:${(tls.address() as AddressInfo).port}`;
      const proxy = await startHttpProxy({ wants: `me:${PASSWORD}`, target });
      const env = { HTTPS_PROXY: urlOf(proxy, `me:${ENCODED}@`) };
      const reason = await reasonOf(openWeChat(WECHAT, env).code2Session('x'));
      expect(reason).toMatch(
        /^WeChat could not be reached \(\w+\): the proxy of HTTPS_PROXY \(.*\) opens TLS .* NODE_EXTRA_CA_CERTS$/,
      );

      const settings = { WX_APPID: APPID, WX_SECRET, JWT_SECRET, ...env };
      const doctor = async (more: Record<string, string>) => {
        const process = run(['doctor'], { ...settings, ...more });
        await process.ended;
        return process.output();
      };
      const [without, through] = [await doctor({}), await doctor({ NODE_EXTRA_CA_CERTS: ca })];
      expect(without).toMatch(
        /^problem +WeChat .*: .*HTTPS_PROXY.*NODE_EXTRA_CA_CERTS\n +→ see that the proxy of HTTPS_PROXY runs/m,
      );
      expect(through).toMatch(/^ok +WeChat wx\w+: knows the AppID, the AppSecret and our address$/m);
      for (const output of [without, through]) expect(output).not.toMatch(/p%40ss|p@ss/);
      expect(proxy.asked.at(-1)).toBe('CONNECT api.weixin.qq.com:443');
    },
  );
});

test('the sandbox never goes through a proxy, whatever the environment says', async () => {
  for (const name of ['HTTP_PROXY', 'http_proxy', 'ALL_PROXY', 'HTTPS_PROXY'])
    vi.stubEnv(name, 'http://127.0.0.1:1');
  onTestFinished(() => void vi.unstubAllEnvs());
  const app = await startApp({
    env: { HTTP_PROXY: 'http://127.0.0.1:1', ALL_PROXY: 'socks5://127.0.0.1:1' },
  });
  expect((await app.login({ user: 'Ada' })).status).toBe(200);
});

test('the start says which proxy is used, without its password', async () => {
  const HTTPS_PROXY = 'http://me:geheim@proxy.invalid:3128';
  const settings = { WX_APPID: APPID, WX_SECRET, JWT_SECRET, HTTPS_PROXY };
  const server = await runServer(settings);
  expect(await server.prints(/"proxy":"([^"]+)"/)).toBe('HTTPS_PROXY (proxy.invalid:3128)');
  expect(server.output()).not.toContain('geheim');
});

describe('other servers through a proxy', () => {
  const store = (env: Record<string, string>) => {
    const address = parseAvatarStore(
      's3+http://key:secret-of-s3@store.test/bucket?timeout=2000',
    ) as S3Address;
    return createS3Store({ ...address, proxy: proxyFor(address.objects, env) });
  };

  test('the store of pictures: asked by its name, and signed', async () => {
    const kept = new Map<string, Buffer>();
    const s3 = createHttpServer(async (req, res) => {
      const chunks: Uint8Array[] = [];
      for await (const chunk of req) chunks.push(chunk);
      if (!req.headers.authorization?.startsWith('AWS4-HMAC-SHA256 ')) return void res.writeHead(403).end();
      if (req.method === 'PUT') kept.set(req.url ?? '', Buffer.concat(chunks));
      res.end(req.method === 'GET' ? kept.get(req.url ?? '') : '');
    }).listen(0, '127.0.0.1');
    await once(s3, 'listening');
    onTestFinished(() => void s3.close().closeAllConnections());
    const target = urlOf(s3.address() as AddressInfo);
    const proxy = await startHttpProxy({ wants: `me:${PASSWORD}`, target });
    const pictures = store({ HTTP_PROXY: urlOf(proxy, `me:${ENCODED}@`) });
    await pictures.put('a.jpg', Buffer.from('a picture'));
    expect(String(await pictures.get('a.jpg'))).toBe('a picture');
    expect(proxy.asked).toEqual(['PUT http://bucket.store.test/a.jpg', 'GET http://bucket.store.test/a.jpg']);
  });

  test('the store of pictures: a proxy that refuses is named', async () => {
    const proxy = await startHttpProxy({ wants: 'me:right' });
    const refused = store({ HTTP_PROXY: urlOf(proxy, 'me:geheim@') }).put('a.jpg', Buffer.from('x'));
    await expect(refused).rejects.toMatchObject({
      code: 'storage_unavailable',
      reason: expect.stringMatching(
        /^the proxy refuses the user or password of HTTP_PROXY \(127\.0\.0\.1:\d+\)/,
      ),
    });
    const gone = store({ HTTP_PROXY: `http://127.0.0.1:${await freePort()}` }).put('a.jpg', Buffer.from('x'));
    await expect(gone).rejects.toMatchObject({
      reason: expect.stringMatching(/^the store could not be reached: .*HTTP_PROXY .*ECONNREFUSED/),
    });
  });

  test('our own callback, as doctor asks for it', async () => {
    const proxy = await startHttpProxy({ refusal: 403 });
    const config = loadConfig({
      ...{ WX_APPID: APPID, WX_SECRET, JWT_SECRET, PUBLIC_URL: 'https://login.example.com' },
      ...{ WX_CALLBACK_TOKEN: 'kV7pQ2mX9sL4tR8wZ3bN', HTTPS_PROXY: urlOf(proxy) },
    });
    expect((await examineCallback(config, () => new Date())).at(-1)).toMatchObject({
      level: 'problem',
      says: expect.stringMatching(/^the proxy of HTTPS_PROXY \(127\.0\.0\.1:\d+\) answered 403/),
    });
  });
});

/** What takes connections, and is no proxy. */
async function listener(taken: (socket: import('node:net').Socket) => void): Promise<{ port: number }> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    onTestFinished(() => void socket.destroy());
    taken(socket);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return server.address() as AddressInfo;
}
