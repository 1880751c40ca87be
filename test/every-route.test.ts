import { request } from 'node:http';
import type { AddressInfo } from 'node:net';
import express, { type Router } from 'express';
import { sql } from 'kysely';
import { describe, expect, onTestFinished, test } from 'vitest';
import * as weapp from '../src/index.ts';
import { startSandbox } from '../src/sandbox/start.ts';
import { realSettings, startApp } from './support/app.ts';
import { freshSqlite } from './support/engines.ts';
import { ec, fileOf } from './support/keys.ts';
import { routesIn } from './support/routes.ts';

/** With these no route is left out. */
const EVERYTHING = { WX_CALLBACK_TOKEN: 'Qm7Zr4vK9tXw2BnD', JWT_PRIVATE_KEY_FILE: fileOf(ec()) };

const CACHED = /^GET (?:\/.well-known\/jwks.json|\/avatars\/:name|\/cdn\/:host\/\*path)$/;

async function partsOf(env: Record<string, string> = {}) {
  const database = await freshSqlite();
  const config = weapp.loadConfig({ DATABASE_URL: database.url, ...EVERYTHING, ...env });
  const log = weapp.createLog('silent');
  const stores = await weapp.openStores(config, log);
  onTestFinished(() => stores.close().then(database.drop));
  return weapp.createParts(config, { stores, log, sandboxBase: 'http://127.0.0.1:9/sandbox' });
}

/** An app of somebody else's, with one of our routers in it. */
async function host(router: Router, path = '/'): Promise<string> {
  const app = express().use(path, router).use(weapp.handleErrors);
  const server = app.listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await new Promise((resolve) => server.once('listening', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Whatever the answer says: its status, code and Cache-Control. fetch takes no Host. */
function ask(url: string, method: string, headers: Record<string, string> = {}) {
  return new Promise<{ status: number | undefined; code: unknown; cache: string | undefined }>(
    (resolve, reject) => {
      const sent = request(url, { method, headers }, (res) => {
        let text = '';
        res.setEncoding('utf8').on('data', (part: string) => {
          text += part;
        });
        res.on('end', () =>
          resolve({
            status: res.statusCode,
            code: /"code":"(\w+)"/.exec(text)?.[1],
            cache: res.headers['cache-control'],
          }),
        );
      });
      sent.on('error', reject).end();
    },
  );
}

const call = (route: string) => {
  const [method = '', path = ''] = route.split(' ');
  return { method, path: path.replace('*path', 'a/b').replace(/:(\w+)/g, 'x') };
};

/** Each as an embedder mounts it, and what it has. */
async function routersOf(env: Record<string, string> = {}) {
  const parts = await partsOf(env);
  const routers = {
    wxuser: weapp.wxuserRoutes(parts),
    koa: weapp.koaRoutes(parts),
    avatars: weapp.avatarRoutes(parts),
    jwks: weapp.jwksRoutes(parts),
    callback: weapp.callbackRoutes(parts),
    ...(parts.sandbox && { sandbox: weapp.sandboxRoutes(parts.sandbox) }),
  };
  return Promise.all(
    Object.entries(routers).map(async ([name, router]) => ({
      name,
      url: await host(router),
      routes: routesIn(router.stack),
    })),
  );
}

describe('no cache keeps what is about somebody: no-store', () => {
  test('on every route of every router that an app of somebody else’s can mount', async () => {
    const routers = await routersOf();
    expect(routers.flatMap(({ routes }) => routes).length).toBeGreaterThan(35);
    for (const { name, url, routes } of routers)
      for (const route of routes.filter((each) => !CACHED.test(each))) {
        const { method, path } = call(route);
        for (const base of name === 'sandbox' ? ['', '/control'] : ['']) {
          const { cache } = await ask(url + base + path, method);
          expect([name, method, base + path, cache]).toEqual([name, method, base + path, 'no-store']);
        }
      }
  });

  test('on every route of the server, its pages, their files and its failures', async () => {
    const app = await startApp({ env: EVERYTHING });
    const { body } = await app.login({ user: 'Ada' });
    const as = { Authorization: body.token };
    const answers = [
      [200, await app.call('GET', '/healthz')],
      [200, await app.call('GET', '/readyz')],
      [200, await app.call('GET', '/api/wxuser/me', undefined, as)],
      [200, await app.call('GET', '/api/wxuser/me/export', undefined, as)],
      [200, await app.call('GET', '/api/wxuser/sessions', undefined, as)],
      [200, await app.call('PUT', '/api/wxuser/me', { nickName: 'Ada' }, as)],
      [200, await app.login({ user: 'Bob' })],
      [200, await app.call('GET', '/')],
      [200, await app.call('GET', '/sandbox/demo/page.js')],
      [200, await app.call('GET', '/sandbox/demo/phone.html')],
      [200, await app.call('GET', '/sandbox/demo/users/Ada')],
      [200, await app.call('GET', '/sandbox/control')],
      [200, await app.call('GET', '/sandbox/control/page.css')],
      [200, await app.call('GET', '/sandbox/control/state')],
      [200, await app.call('GET', '/sandbox/sns/jscode2session')],
      [400, await app.call('POST', '/api/wxuser', '{')],
      [400, await app.call('GET', '/avatars/%ff')],
      [401, await app.call('GET', '/api/wxuser/me')],
      [403, await app.call('GET', '/healthz', undefined, { Via: '1.1 squid' })],
      [404, await app.call('GET', '/nothing')],
      [404, await app.call('GET', `/avatars/${'0'.repeat(64)}.jpg`)],
      [404, await app.call('GET', '/sandbox/cdn/elsewhere.example/0')],
      [413, await app.call('POST', '/api/wxuser', 'x'.repeat(70_000))],
      [415, await app.call('POST', '/api/wxuser', 'x', { 'Content-Type': 'text/csv' })],
    ] as const;
    for (const [expected, { status, headers }] of answers)
      expect([status, headers.get('cache-control')]).toEqual([expected, 'no-store']);
    await app.sql(sql`ALTER TABLE wxuser RENAME COLUMN nickName TO other`);
    const { status, headers } = await app.login({ user: 'Eve' });
    expect([status, headers.get('cache-control')]).toEqual([500, 'no-store']);
    const standalone = await startSandbox();
    onTestFinished(() => standalone.close());
    for (const path of ['/sns/jscode2session', '/control', '/nothing'])
      expect((await fetch(standalone.url + path)).headers.get('cache-control')).toBe('no-store');
  });

  test('on what a host app answers behind requireLogin, and the host may say otherwise', async () => {
    const database = await freshSqlite();
    onTestFinished(database.drop);
    const app = await startApp({ env: EVERYTHING, database });
    const Authorization = (await app.login()).body.token;
    const parts = await partsOf({ DATABASE_URL: database.url });
    const orders = express()
      .get('/orders', parts.requireLogin, (_req, res) => void res.json([]))
      .get('/shared', (_req, res) => void res.json([]))
      .get('/broken', (_req, res) => {
        res.set('Cache-Control', 'public, max-age=60');
        throw new Error('after it had said so');
      })
      .use(weapp.wxuserRoutes(parts));
    const url = await host(orders as unknown as Router);
    for (const [status, headers] of [
      [200, { Authorization }],
      [401, {}],
    ] as const)
      expect(await ask(`${url}/orders`, 'GET', headers)).toMatchObject({ status, cache: 'no-store' });
    expect((await ask(`${url}/shared`, 'GET')).cache).toBeUndefined();
    expect(await ask(`${url}/broken`, 'GET')).toMatchObject({ status: 500, cache: 'no-store' });
    const picture = await app.call('GET', '/sandbox/cdn/thirdwx.qlogo.cn/mmopen/vi_32/a/132');
    expect(picture.headers.get('cache-control')).toBe('public, max-age=86400');
  });
});

describe('a sandbox refuses on every route', () => {
  const REFUSED = { status: 403, code: 'sandbox_is_local', cache: 'no-store' };
  const STRANGERS: readonly Record<string, string>[] = [
    { host: 'rebind.example' },
    { 'x-forwarded-for': '203.0.113.7' },
    { referer: 'https://servicewechat.com/wx4f4bc4dec97d474b/1/page-frame.html' },
  ];
  const PAGES: readonly Record<string, string>[] = [
    { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'cors' },
    { origin: 'https://evil.example' },
  ];

  test('of every router that an app of somebody else’s can mount; a real app takes them all', async () => {
    for (const { name, url, routes } of await routersOf())
      for (const route of routes) {
        const { method, path } = call(route);
        const isPicture = /^GET .*\/(?:avatars|cdn)\//.test(route); // a page of any site shows it
        for (const headers of isPicture ? STRANGERS : [...STRANGERS, ...PAGES])
          expect([name, route, headers, await ask(url + path, method, headers)]).toEqual([
            name,
            route,
            headers,
            REFUSED,
          ]);
        for (const headers of isPicture ? PAGES : [])
          expect([route, (await ask(url + path, method, headers)).status]).not.toEqual([route, 403]);
      }
    for (const { url, routes } of await routersOf(realSettings('http://127.0.0.1:9')))
      for (const route of routes) {
        const { method, path } = call(route);
        for (const headers of [...STRANGERS, ...PAGES])
          expect((await ask(url + path, method, headers)).code).not.toBe('sandbox_is_local');
      }
  });

  test('of the server, of which nothing is left out', async () => {
    const { url } = await startApp({ env: EVERYTHING });
    const { stack } = weapp.createApp(await partsOf()).router;
    const routes = routesIn(stack);
    expect(routes.length).toBeGreaterThan(50);
    for (const route of [...routes, 'GET /sandbox/demo/page.js', 'GET /nothing', 'OPTIONS /api/wxuser'])
      for (const base of ['', '/sandbox', '/sandbox/control', '/sandbox/demo']) {
        const { method, path } = call(route);
        const answer = await ask(url + base + path, method, STRANGERS[0]);
        expect([base, route, answer]).toEqual([base, route, REFUSED]);
      }
  });

  test('and leaves the routes of the app around it alone', async () => {
    const parts = await partsOf();
    const app = express().use(weapp.wxuserRoutes(parts), weapp.koaRoutes(parts), weapp.jwksRoutes(parts));
    const url = await host(app.get('/shop', (_req, res) => void res.json({})) as unknown as Router);
    for (const headers of [...STRANGERS, ...PAGES])
      expect((await ask(`${url}/shop`, 'GET', headers)).status).toBe(200);
  });
});
