import { readFileSync } from 'node:fs';
import { type OutgoingHttpHeaders, request as plainly } from 'node:http';
import { request as secretly } from 'node:https';
import { describe, expect, inject, test } from 'vitest';
import { realSettings, startApp, type TestApp } from './support/app.ts';
import { hasOpenssl, makeCertificates } from './support/certificates.ts';
import { fenced, withValues } from './support/fenced.ts';
import { ec, fileOf } from './support/keys.ts';
import { hasNginx, startNginx } from './support/nginx.ts';
import { jpeg } from './support/pictures.ts';
import { freePort } from './support/ports.ts';
import { multipart, upload } from './support/uploads.ts';
import { json, SESSION, startStandIn } from './support/wechat.ts';

interface How {
  readonly method?: string;
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: string | Buffer;
  /** The address that the client has. */
  readonly from?: string;
  readonly ca?: Buffer;
}

/** fetch takes no Host, no address of its own and no certificate authority. */
function ask(url: string, { method = 'GET', headers = {}, body, from = '127.0.0.1', ca }: How = {}) {
  // biome-ignore lint/suspicious/noExplicitAny: a reply is whatever the server sends; the tests assert its shape
  return new Promise<{ status: number; headers: OutgoingHttpHeaders; body: any }>((resolve, reject) => {
    const request = url.startsWith('https:') ? secretly : plainly;
    const options = { method, headers, localAddress: from, agent: false, ...(ca && { ca }) } as const;
    const sent = request(url, options, (res) => {
      const parts: Buffer[] = [];
      res.on('data', (part: Buffer) => parts.push(part));
      res.on('end', () => {
        const text = Buffer.concat(parts).toString();
        const answer = res.headers['content-type']?.includes('json') ? JSON.parse(text) : text;
        resolve({ status: res.statusCode ?? 0, headers: res.headers, body: answer });
      });
    });
    sent.on('error', reject).end(body);
  });
}

const LIMIT = 5_242_880;

/** A JPEG of just so many bytes: what fills it up is a comment. */
async function jpegOf(bytes: number): Promise<Buffer> {
  const small = await jpeg(1);
  const comments: Buffer[] = [];
  for (let left = bytes - small.length; left > 0; ) {
    const size = left > 70_000 ? 65_000 : Math.min(left, 65_000);
    const comment = Buffer.alloc(size, ' ');
    comment.writeUInt16BE(0xfffe);
    comment.writeUInt16BE(size - 2, 2);
    comments.push(comment);
    left -= size;
  }
  return Buffer.concat([small.subarray(0, 2), ...comments, small.subarray(2)]);
}

describe.skipIf(!hasNginx() || !hasOpenssl())('docs/deploy.md’s nginx in front', () => {
  async function start(env: Record<string, string> = {}) {
    const wechat = await startStandIn();
    const app = await startApp({
      env: {
        ...realSettings(wechat.url),
        PUBLIC_URL: 'https://login.example.com',
        TRUST_PROXY: '1',
        AVATAR_STORE: `file:${inject('folder')}/nginx-avatars`,
        ...env,
      },
    });
    const { key, cert, ca } = makeCertificates(inject('folder'), 'DNS:login.example.com,IP:127.0.0.1');
    const [http, https] = [await freePort(), await freePort()];
    const [block = ''] = fenced('docs/deploy.md', 'nginx');
    await startNginx(() =>
      withValues(block, {
        '127.0.0.1:8888': new URL(app.url).host,
        'listen 80;': `listen 127.0.0.1:${http};`,
        'listen 443 ssl;': `listen 127.0.0.1:${https} ssl;`,
        '/etc/letsencrypt/live/login.example.com/fullchain.pem': cert,
        '/etc/letsencrypt/live/login.example.com/privkey.pem': key,
      }),
    );
    const authority = readFileSync(ca);
    return {
      app,
      plain: `http://127.0.0.1:${http}`,
      call: (path: string, how: How = {}) =>
        ask(`https://127.0.0.1:${https}${path}`, {
          ...how,
          ca: authority,
          headers: { Host: 'login.example.com', ...how.headers },
        }),
    };
  }

  const logIn = (from: string, headers: OutgoingHttpHeaders = {}): How => ({
    method: 'POST',
    from,
    headers: { 'Content-Type': 'application/json', ...headers },
    body: '{"code":"a-code-of-wx-login"}',
  });

  test('a login goes through it, and the address of the client counts, whatever he forges', async () => {
    const { app, call, plain } = await start({ LOGIN_RATE_LIMIT: '2' });
    const forged = {
      'X-Forwarded-For': '203.0.113.9',
      'X-Real-IP': '203.0.113.9',
      Forwarded: 'for=203.0.113.9',
    };
    const { status, body } = await call('/api/wxuser', logIn('127.1.2.3', forged));
    expect(status).toBe(200);
    const sessions = await call('/api/wxuser/sessions', { headers: { Authorization: body.token } });
    expect(sessions.body.sessions).toMatchObject([{ place: '127.1.2.*' }]);
    const others = { ...forged, 'X-Forwarded-For': '203.0.113.10' };
    expect((await call('/api/wxuser', logIn('127.1.2.3', others))).status).toBe(200);
    const limited = await call('/api/wxuser', logIn('127.1.2.3', { 'X-Forwarded-For': '203.0.113.11' }));
    expect([limited.status, limited.body.code]).toEqual([429, 'too_many_requests']);
    expect((await call('/api/wxuser', logIn('127.1.2.4'))).status).toBe(200);
    expect(app.log.filter(({ msg }) => /TRUST_PROXY/.test(String(msg)))).toEqual([]);

    const { status: moved, headers } = await ask(`${plain}/x?y=1`, {
      headers: { Host: 'login.example.com' },
    });
    expect([moved, headers['location']]).toEqual([301, 'https://login.example.com/x?y=1']);
  });

  test('without TRUST_PROXY all users share one limit, and the log says what to set', async () => {
    const { app, call } = await start({ LOGIN_RATE_LIMIT: '1', TRUST_PROXY: '' });
    expect((await call('/api/wxuser', logIn('127.1.2.3'))).status).toBe(200);
    expect((await call('/api/wxuser', logIn('127.1.2.4'))).status).toBe(429);
    expect(
      app.log.filter(({ level, msg }) => level === 40 && /Set TRUST_PROXY/.test(String(msg))),
    ).toHaveLength(1);
  });

  test('a picture of AVATAR_MAX_BYTES passes; what is larger is refused by the server, in its words', async () => {
    const { call } = await start();
    const { token } = (await call('/api/wxuser', logIn('127.0.0.1'))).body;
    const send = async (bytes: number) => {
      const form = multipart([['name="file"; filename="a.jpg"', await jpegOf(bytes)]]);
      return call('/api/wxuser/me/avatar', {
        method: 'POST',
        headers: { Authorization: token, 'Content-Type': form.type },
        body: Buffer.from(await form.arrayBuffer()),
      });
    };
    const { status, body } = await send(LIMIT);
    expect([status, body.user?.avatar]).toEqual([
      200,
      expect.stringMatching(/^https:\/\/login\.example\.com\/avatars\//),
    ]);
    const picture = await call(new URL(body.user.avatar).pathname);
    expect([picture.status, picture.headers['content-type']]).toEqual([200, 'image/jpeg']);
    const large = await send(LIMIT + 1);
    expect([large.status, large.body.code]).toEqual([413, 'payload_too_large']);
  });
});

describe.skipIf(!hasNginx())('an nginx that caches every 200', () => {
  async function start(): Promise<{ app: TestApp; url: string }> {
    const wechat = await startStandIn();
    let openids = 0;
    wechat.answer((res, req) =>
      json({ ...SESSION, openid: `oUserBehindACache00000000${openids++}` })(res, req),
    );
    const app = await startApp({
      env: {
        ...realSettings(wechat.url),
        JWT_PRIVATE_KEY_FILE: fileOf(ec()),
        PUBLIC_URL: 'http://127.0.0.1',
        AVATAR_STORE: `file:${inject('folder')}/cached-avatars`,
      },
    });
    const port = await freePort();
    await startNginx(
      (folder) => `
  proxy_cache_path ${folder}/cache keys_zone=all:1m;
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass ${app.url};
      proxy_cache all;
      proxy_cache_valid 200 10m;
      proxy_cache_valid any 1m;
      add_header X-Cache $upstream_cache_status always;
    }
  }`,
    );
    return { app, url: `http://127.0.0.1:${port}` };
  }

  test('gives nobody what is another’s; pictures and keys it does keep', async () => {
    const { app, url } = await start();
    const users = [];
    for (const nickName of ['Ada', 'Bob']) {
      const { token, user } = (await app.call('POST', '/api/wxuser', { code: nickName })).body;
      const headers = { Authorization: token };
      expect((await app.call('PUT', '/api/wxuser/me', { nickName }, headers)).status).toBe(200);
      users.push({ nickName, id: user.id, headers });
    }
    for (const round of [1, 2])
      for (const { nickName, id, headers } of users) {
        for (const path of ['/api/wxuser/me/export', '/api/wxuser/me', '/api/wxuser/sessions', '/healthz']) {
          const answer = await ask(url + path, { headers });
          expect([round, path, answer.status, answer.headers['x-cache']]).toEqual([round, path, 200, 'MISS']);
        }
        expect((await ask(`${url}/api/wxuser/me/export`, { headers })).body.wxuser).toMatchObject({
          id,
          nickName,
        });
        expect((await ask(`${url}/api/wxuser/me`, { headers })).body.user).toMatchObject({ id, nickName });
      }
    for (const path of ['/api/wxuser/me', '/nothing', `/avatars/${'0'.repeat(64)}.jpg`])
      for (const _ of [1, 2]) expect((await ask(url + path)).headers['x-cache']).toBe('MISS');

    const [ada] = users;
    const picture = await upload(app, ada?.headers.Authorization ?? '', await jpeg(1));
    const { pathname } = new URL(picture.body.user.avatar);
    for (const path of [pathname, '/.well-known/jwks.json']) {
      expect((await ask(url + path)).headers['x-cache']).toBe('MISS');
      const again = await ask(url + path);
      expect([path, again.status, again.headers['x-cache']]).toEqual([path, 200, 'HIT']);
    }
  });
});

describe.skipIf(!hasNginx())('a sandbox behind nginx by mistake', () => {
  test.each([
    ['the plainest proxy_pass', ''],
    ['with its public name', 'proxy_set_header Host $host;'],
    [
      'with HTTP/1.1 and the usual headers',
      'proxy_http_version 1.1; proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;',
    ],
    ['with HTTP/1.1 and its name alone', 'proxy_http_version 1.1; proxy_set_header Host $host;'],
    ['with HTTP/1.1 and X-Real-IP alone', 'proxy_http_version 1.1; proxy_set_header X-Real-IP $remote_addr;'],
  ])('lets nobody in: %s', async (_name, more) => {
    const app = await startApp();
    const port = await freePort();
    await startNginx(
      () => `server { listen 127.0.0.1:${port}; location / { proxy_pass ${app.url}; ${more} } }`,
    );
    const headers = { Host: 'login.example.com', 'Content-Type': 'application/json' };
    const button = JSON.stringify(await app.button());
    for (const [method, path, body] of [
      ['GET', '/'],
      ['GET', '/healthz'],
      ['GET', '/sandbox/control/state'],
      ['GET', '/sandbox/demo/users/Ada'],
      ['POST', '/sandbox/login-button', '{"user":"Ada"}'],
      ['POST', '/sandbox/wx/login', '{"user":"Ada"}'],
      ['POST', '/api/wxuser', button],
      ['POST', '/user/wechatlogin', button],
    ] as const) {
      const answer = await ask(`http://127.0.0.1:${port}${path}`, { method, headers, ...(body && { body }) });
      expect([path, answer.status, answer.body.code]).toEqual([path, 403, 'sandbox_is_local']);
    }
    expect(await app.rows()).toEqual([]);
    expect((await app.login()).status).toBe(200); // straight it goes on
  });
});
