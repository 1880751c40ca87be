import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { text } from 'node:stream/consumers';
import { inspect } from 'node:util';
import { afterAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { createAdministration } from '../src/db/administration.ts';
import * as weapp from '../src/index.ts';
import { AppError, bearerOf, callbackRoutes, handleErrors, wxuserRoutes } from '../src/index.ts';
import { requireLogin } from '../src/middleware/require-login.ts';
import { realSettings, startApp } from './support/app.ts';
import { type Host, mountings, mountOwn, startHost, versions } from './support/hosts.ts';
import { ec, fileOf } from './support/keys.ts';
import { picture } from './support/pictures.ts';
import { CALLBACK_TOKEN, nowInSeconds, PLAIN, type Pushed, pack, SAFE, sha1 } from './support/push.ts';

/** Express 4 does not look at the promise of a middleware: its rejection would end the process. */
const unhandled: unknown[] = [];
const remember = (reason: unknown) => void unhandled.push(reason);
process.on('unhandledRejection', remember);
afterAll(() => {
  process.off('unhandledRejection', remember);
  expect(unhandled).toEqual([]);
});

interface Request {
  readonly method?: string;
  readonly json?: unknown;
  readonly form?: Record<string, string>;
  readonly body?: string | FormData;
  readonly type?: string;
  readonly token?: string;
  readonly headers?: Record<string, string>;
}

/** What a client sees of an answer; what differs with every request has its name instead. */
interface Seen {
  readonly status: number;
  readonly headers: Record<string, string | null>;
  readonly body: unknown;
}

const HEADERS = [
  'allow',
  'cache-control',
  'content-type',
  'cross-origin-resource-policy',
  'retry-after',
  'vary',
  'www-authenticate',
  'x-content-type-options',
];

async function ask(base: string, path: string, request: Request = {}): Promise<Response> {
  const { json, form, type, token, headers = {} } = request;
  const body =
    request.body ??
    (json !== undefined ? JSON.stringify(json) : form && new URLSearchParams(form).toString());
  const sent =
    type ?? (json !== undefined ? 'application/json' : form && 'application/x-www-form-urlencoded');
  return fetch(base + path, {
    method: request.method ?? (body === undefined ? 'GET' : 'POST'),
    headers: {
      'Accept-Language': 'en',
      ...headers,
      ...(token !== undefined && { Authorization: token }),
      ...(sent !== undefined && { 'Content-Type': sent }),
    },
    ...(body !== undefined && { body }),
  });
}

async function see(response: Response, base: string): Promise<Seen> {
  const text = (await response.clone().text())
    .replaceAll(base, '<base>')
    .replace(/eyJ[\w.-]+/g, '<token>')
    .replace(/[\da-f]{8}-[\da-f-]{27}/g, '<id>')
    .replace(/rid: [\da-f-]{26}/, 'rid: <rid>')
    .replace(/"id":"[\w-]{22}"/g, '"id":"<sid>"')
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, '<time>')
    .replace(/\d{4}-\d\d-\d\d [\d:.]{12}/g, '<time>');
  const type = response.headers.get('content-type') ?? '';
  const headers = Object.fromEntries(HEADERS.map((name) => [name, response.headers.get(name)]));
  if (headers['retry-after']) headers['retry-after'] = '<seconds>';
  const body =
    type.includes('json') && text ? JSON.parse(text) : type.startsWith('image/') ? '<picture>' : text;
  return { status: response.status, headers, body };
}

const LIMIT = 12;
const ENV = { ...SAFE, LOGIN_RATE_LIMIT: String(LIMIT), SESSION_CACHE_SECONDS: '0' };

/** Some thirty requests, in order, and what an app answered to each. */
async function play(host: Host, base: string): Promise<Map<string, Seen>> {
  const seen = new Map<string, Seen>();
  async function request(name: string, path: string, how: Request = {}, at = base) {
    const response = await ask(at, path, how);
    seen.set(name, await see(response, base));
    return response;
  }
  const button = async (user: string) =>
    (await (await ask(base, '/sandbox/login-button', { json: { user } })).json()) as Record<string, string>;
  const read = async (response: Response) =>
    (await response.clone().json()) as { token: string; user: { id: number; avatar: string } };

  // Logging in.
  const { token } = await read(
    await request('login with JSON', '/api/wxuser', { json: await button('Ada') }),
  );
  const second = await read(await request('login with a form', '/api/wxuser', { form: await button('Ada') }));
  await request('login without a body', '/api/wxuser', { method: 'POST' });
  await request('login with {}', '/api/wxuser', { json: {} });
  await request('login with bad JSON', '/api/wxuser', { body: '{"code":', type: 'application/json' });
  await request('login with a list', '/api/wxuser', { json: ['code'] });
  await request('login with text', '/api/wxuser', { body: 'code', type: 'text/plain' });
  await request('login with XML', '/api/wxuser', { body: '<a/>', type: 'text/xml' });
  await request('login too large', '/api/wxuser', { json: { code: 'a', rawData: 'a'.repeat(200_000) } });
  await request('login for another app', '/api/wxuser', { json: { code: 'a', appid: 'wx0000000000000000' } });
  const { code } = await button('Bob');
  const koa = await request('koa login', '/user/wechatlogin', { json: { code } });
  const bob = (await koa.json()) as { data: { token: string } };
  await request('koa login, the code once more', '/user/wechatlogin', { json: { code } });
  for (let i = 0; i < LIMIT; i++) await request('a flood of logins', '/api/wxuser', { json: {} });

  // A guarded route of the host, and ours.
  await request('no token', '/orders');
  await request('bad token', '/orders', { token: 'Bearer eyJhbGciOiJub25lIn0.e30.' });
  await request('a good token', '/orders', { token });
  await request('the token in the Koa tutorial’s header', '/orders', { headers: { token } });
  await request('me without a token', '/api/wxuser/me');
  await request('me', '/api/wxuser/me', { token });
  await request('HEAD', '/api/wxuser/me', { token, method: 'HEAD' });
  await request('OPTIONS', '/api/wxuser/me', { method: 'OPTIONS' });
  await request('PUT', '/api/wxuser/me', { token, method: 'PUT', json: { nickName: 'Ada L.' } });
  await request('PUT of nothing', '/api/wxuser/me', { token, method: 'PUT', json: {} });
  await request('PUT of text', '/api/wxuser/me', { token, method: 'PUT', body: 'Ada', type: 'text/plain' });
  const phone = await (await ask(base, '/sandbox/wx/getPhoneNumber', { json: { user: 'Ada' } })).json();
  await request('phone', '/api/wxuser/me/phone', { token, json: { code: (phone as { code: string }).code } });
  const form = new FormData();
  form.append('file', new Blob([new Uint8Array(await picture('png'))]), 'a.png');
  const uploaded = await request('avatar', '/api/wxuser/me/avatar', { token, body: form });
  await request('avatar as JSON', '/api/wxuser/me/avatar', { token, json: {} });
  await request('the picture', (await read(uploaded)).user.avatar, {}, '');
  await request('no such picture', '/avatars/none.jpg');
  await request('export', '/api/wxuser/me/export', { token });
  const listed = await request('sessions', '/api/wxuser/sessions', { token });
  const { sessions } = (await listed.json()) as { sessions: { id: string; current: boolean }[] };
  const other = sessions.find(({ current }) => !current)?.id;
  await request('end a session', `/api/wxuser/sessions/${other}`, { token, method: 'DELETE' });
  await request('ended session', '/orders', { token: second.token });
  await request('jwks', '/.well-known/jwks.json');

  // WeChat calls.
  const push = (name: string, { query, body }: Pushed, type: string) =>
    request(name, `/api/wechat/callback?${new URLSearchParams(query)}`, { body, type });
  const event = { ToUserName: 'gh_1', MsgType: 'event', Event: 'user_info_modified', OpenID: 'oNobody' };
  const asked = { timestamp: String(nowInSeconds()), nonce: '1', echostr: '123' };
  const signature = sha1(CALLBACK_TOKEN, asked.timestamp, asked.nonce);
  await request('callback GET', `/api/wechat/callback?${new URLSearchParams({ ...asked, signature })}`);
  await request('callback GET, unsigned', `/api/wechat/callback?${new URLSearchParams(asked)}`);
  await push('callback JSON', pack(event, { mode: 'safe' }), 'application/json');
  await push('callback XML', pack(event, { mode: 'safe', format: 'XML' }), 'text/xml');
  await push('callback in plain text', pack(event), 'application/json');
  await push(
    'callback, signed otherwise',
    pack(event, { mode: 'safe', token: 'x'.repeat(20) }),
    'application/json',
  );
  await request('callback without a body', '/api/wechat/callback', { method: 'POST' });

  await request('the sandbox’s WeChat without a body', '/sandbox/cgi-bin/stable_token', { method: 'POST' });

  // The host's own.
  await request('unknown route', '/api/wxuser/nothing', { json: { a: 1 } });
  await request('the host’s page', '/own', {}, host.url);
  await request('the host’s failure', '/own/broken', {}, host.url);

  // How it ends.
  await request('logout', '/api/wxuser/logout', { token, method: 'POST' });
  await request('after the logout', '/orders', { token });
  await createAdministration(host.stores.database, () => new Date()).setStatus([2], 'banned');
  await request('a banned user', '/orders', { token: bob.data.token });
  return seen;
}

/** What matters most; that the rest is the same everywhere is compared. */
const EXPECTED: Readonly<Record<string, readonly [status: number, body?: unknown]>> = {
  'login with JSON': [200, { status: 200, token: 'Bearer <token>', isNew: true }],
  'login with a form': [200, { isNew: false }],
  'login without a body': [
    400,
    {
      code: 'invalid_request',
      issues: [{ path: 'code', message: 'is missing: send the res.code of wx.login' }],
    },
  ],
  'login with bad JSON': [400, { code: 'invalid_request', issues: [{ path: 'body' }] }],
  'login with a list': [400, { code: 'invalid_request' }],
  'login with text': [415, { code: 'unsupported_media_type' }],
  'login with XML': [415, { code: 'unsupported_media_type' }],
  'login too large': [413, { code: 'payload_too_large' }],
  'login for another app': [400, { issues: [{ path: 'appid' }] }],
  'koa login': [200, { code: 0, data: { token: '<token>' } }],
  'koa login, the code once more': [401, { code: 10_001 }],
  'a flood of logins': [429, { code: 'too_many_requests' }],
  'no token': [401, { code: 'token_missing', retry: 'login', requestId: '<id>' }],
  'bad token': [401, { code: 'token_invalid' }],
  'a good token': [200, { ordersOf: 1 }],
  'the token in the Koa tutorial’s header': [200, { ordersOf: 1 }],
  'me without a token': [401, { code: 'token_missing' }],
  me: [200, { user: { id: 1, nickName: 'Ada' } }],
  PUT: [200, { user: { nickName: 'Ada L.' } }],
  'PUT of nothing': [400, { code: 'invalid_request' }],
  'PUT of text': [415, { code: 'unsupported_media_type' }],
  phone: [200, { phone: expect.stringMatching(/^\+86\d{11}$/) }],
  avatar: [200, { user: { avatar: expect.stringMatching(/^<base>\/avatars\/[\da-f]{64}\.jpg$/) } }],
  'avatar as JSON': [415, { code: 'unsupported_media_type' }],
  'the picture': [200, '<picture>'],
  'no such picture': [404, { code: 'not_found' }],
  export: [200, { wxuser: { id: 1 } }],
  sessions: [200, { sessions: [{ current: false }, { current: true }] }],
  'end a session': [200],
  'ended session': [401, { code: 'session_ended' }],
  jwks: [200, { keys: [{ kty: 'EC' }] }],
  'callback GET': [200, '123'],
  'callback GET, unsigned': [403, { code: 'callback_signature_invalid' }],
  'callback JSON': [200, 'success'],
  'callback XML': [200, 'success'],
  'callback in plain text': [400, { code: 'callback_unreadable' }],
  'callback, signed otherwise': [403, { code: 'callback_signature_invalid' }],
  'callback without a body': [400, { code: 'callback_unreadable' }],
  'the sandbox’s WeChat without a body': [200, { errcode: 44_002 }],
  'unknown route': [404, 'the host has no such page'],
  'the host’s page': [200, 'the page of the host'],
  'the host’s failure': [418, 'the host says: broken'],
  logout: [200],
  'after the logout': [401, { code: 'session_ended' }],
  'a banned user': [403, { code: 'user_banned' }],
};

const rows = mountings.flatMap((mounting) => versions.map((version) => ({ ...version, ...mounting })));

describe('the same requests get the same answers', () => {
  const answers = new Map<string, Map<string, Seen>>();
  const key = ec();

  test.each(rows)('$version, $name', async ({ version, express, name, prefix = '', mount }) => {
    const env = { ...ENV, JWT_PRIVATE_KEY_FILE: fileOf(key) };
    const host = await startHost({
      ...{ express, env, prefix },
      mount(app, parts) {
        mount(express)(app, parts);
        mountOwn(app);
      },
    });
    const seen = await play(host, host.url + prefix);
    for (const [what, [status, body]] of Object.entries(EXPECTED)) {
      const answer = seen.get(what);
      expect(answer, what).toMatchObject({ status, ...(body !== undefined && { body }) });
      if (status === 401) expect(answer?.headers['www-authenticate'], what).toBe('Bearer');
      if (status === 429) expect(answer?.headers['retry-after'], what).toBe('<seconds>');
    }
    answers.set(`${version}, ${name}`, seen);
  });

  test.each(rows.slice(1))('$version, $name: as in the first', ({ version, name }) => {
    const [first] = answers.values();
    for (const [what, answer] of answers.get(`${version}, ${name}`) ?? [])
      expect(answer, what).toEqual(first?.get(what));
  });
});

const STACK = /\.[jt]s:\d|node_modules/;

describe.each(versions)('$version', ({ express }) => {
  test('without our error handler: the status, the message, and no stack', async () => {
    const printed = vi.spyOn(console, 'error').mockReturnValue();
    onTestFinished(() => printed.mockRestore());
    const host = await startHost({
      express,
      env: { LOGIN_RATE_LIMIT: '1' },
      mount(app, parts) {
        app.set('env', 'development');
        app.use(wxuserRoutes(parts));
        app.get('/orders', parts.requireLogin, (req, res) => void res.json(bearerOf(req).id));
      },
    });
    const missing = await ask(host.url, '/orders');
    expect(missing.status).toBe(401);
    expect(missing.headers.get('www-authenticate')).toBe('Bearer');
    const page = await missing.text();
    expect(page).toContain('token_missing: Log in first: the request has no token');
    expect(page).not.toMatch(STACK);
    await expect.poll(() => inspect(printed.mock.calls)).toContain('token_missing: Log in first');
    expect(inspect(printed.mock.calls)).not.toMatch(STACK);

    expect((await ask(host.url, '/api/wxuser', { json: {} })).status).toBe(400);
    const flood = await ask(host.url, '/api/wxuser', { json: {} });
    expect(flood.status).toBe(429);
    expect(Number(flood.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await flood.text()).not.toMatch(/LOGIN_RATE_LIMIT|node_modules/); // the reason is for the log
  });

  /** Of each router that the package exports: what it cannot read, what it does not find, what breaks in it. */
  const FAILURES: readonly (readonly [string, number, Request?])[] = [
    ['/api/wxuser', 400, { body: '{bad', type: 'application/json' }],
    ['/api/wxuser', 413, { json: { code: 'a', rawData: 'a'.repeat(70_000) } }],
    ['/api/wxuser', 415, { body: 'code', type: 'text/plain' }],
    ['/api/wxuser/sessions/%ff', 400, { method: 'DELETE' }],
    ['/api/wxuser/sessions/a', 401, { method: 'DELETE' }],
    ['/user/wechatlogin', 400, { body: '{bad', type: 'application/json' }],
    ['/user/wechatlogin', 415, { json: {}, headers: { 'Content-Encoding': 'gzip' } }],
    ['/avatars/%ff', 400],
    ['/avatars/none.jpg', 404],
    ['/avatars/broken', 500],
    ['/.well-known/jwks.json', 500],
    ['/api/wechat/callback', 403, { body: '{bad', type: 'application/json' }],
    ['/api/wechat/callback', 413, { body: 'a'.repeat(70_000), type: 'text/xml' }],
    ['/api/wechat/callback', 403],
    ['/sandbox/wx/login', 400, { body: '{bad', type: 'application/json' }],
    ['/sandbox/cdn/%ff/a', 400],
    ['/sandbox/control/users/%ff', 400, { method: 'PUT' }],
    ['/orders', 500],
  ];

  test('without our error handler, every router and the guard: an AppError, and no stack', async () => {
    const printed = vi.spyOn(console, 'error').mockReturnValue();
    onTestFinished(() => printed.mockRestore());
    const unforeseen = () => Promise.reject(new TypeError('unforeseen'));
    const host = await startHost({
      express,
      env: { ...PLAIN, JWT_PRIVATE_KEY_FILE: fileOf(ec()) },
      mount(app, parts) {
        app.set('env', 'development');
        const read = (name: string) => (name === 'broken' ? unforeseen() : parts.avatars.read(name));
        const keys = parts.tokens.publicKeys.map((key) => ({ ...key, toJSON: () => JSON.parse('{bad') }));
        const broken = {
          ...{ ...parts, avatars: { ...parts.avatars, read } },
          tokens: { ...parts.tokens, publicKeys: keys },
        };
        app.use(callbackRoutes(parts), wxuserRoutes(parts), weapp.koaRoutes(parts));
        app.use(weapp.avatarRoutes(broken), weapp.jwksRoutes(broken));
        if (parts.sandbox) app.use('/sandbox', weapp.sandboxRoutes(parts.sandbox));
        const sessions = { ...parts.sessions, standing: unforeseen };
        app.get('/orders', requireLogin(parts.tokens, sessions), (_req, res) => void res.send('in'));
      },
    });
    const { token } = host.parts.tokens.issue({ id: 1, appid: host.parts.appids[0], openid: 'o', sid: 's' });
    for (const [path, status, how] of FAILURES) {
      const answer = await ask(host.url, path, path === '/orders' ? { token } : how);
      const page = await answer.text();
      expect([path, answer.status, page]).toEqual([path, status, expect.stringContaining('AppError: ')]);
      expect(page, path).not.toMatch(STACK);
    }
    await expect.poll(() => printed.mock.calls).toHaveLength(FAILURES.length);
    const expected = printed.mock.calls.map((call) => inspect(call, { depth: null }));
    expect(expected.filter((text) => !text.includes('internal_error')).join()).not.toMatch(STACK);
    const broken = host.log.filter((line) => String(line['reason']).startsWith('TypeError: unforeseen\n'));
    expect(broken.map((line) => line['path'])).toEqual(['/avatars/broken', '/orders']); // the trace is in the log
  });

  test('with our error handler, the refusals of the app stay as the app made them', async () => {
    const printed = vi.spyOn(console, 'error').mockReturnValue();
    onTestFinished(() => printed.mockRestore());
    const errors: Record<string, object> = {
      'http-errors': Object.assign(new Error('Not Found'), { status: 404, statusCode: 404, expose: true }),
      csurf: Object.assign(new Error('invalid csrf token'), { status: 403, code: 'EBADCSRFTOKEN' }),
      conflict: Object.assign(new Error('taken'), { statusCode: 409, type: 'conflict' }),
      // As body-parser marks what the app's own `verify` refused.
      verify: Object.assign(new Error('bad signature'), { status: 403, type: 'entity.verify.failed' }),
      weird: Object.assign(new Error('weird'), { status: 422, type: Object.create(null) }),
      inherited: Object.assign(new Error('inherited'), { status: 422, type: 'constructor' }),
      ours: Object.assign(new Error('too large'), { status: 413, type: 'entity.too.large', expose: true }),
      inflate: Object.assign(new Error('incorrect header check'), { status: 400, code: 'Z_DATA_ERROR' }),
      weirdAndBroken: { type: Object.create(null), status: 'none' },
    };
    const host = await startHost({
      express,
      mount(app) {
        app.get('/fail/:how', (req, _res, next) => next(errors[req.params.how]));
        app.get('/param/:any', (_req, res) => void res.send('read'));
        app.use(handleErrors);
      },
    });
    const codeOf = async (path: string) => {
      const answer = await ask(host.url, path);
      const text = await answer.text();
      return [answer.status, text.startsWith('{') ? JSON.parse(text).code : 'the app’s'];
    };
    expect(await codeOf('/fail/http-errors')).toEqual([404, 'the app’s']);
    expect(await codeOf('/fail/csurf')).toEqual([403, 'the app’s']);
    expect(await codeOf('/fail/conflict')).toEqual([409, 'the app’s']);
    expect(await codeOf('/fail/verify')).toEqual([403, 'the app’s']);
    expect(await codeOf('/fail/weird')).toEqual([422, 'the app’s']);
    expect(await codeOf('/fail/inherited')).toEqual([422, 'the app’s']);
    expect(await codeOf('/fail/ours')).toEqual([413, 'payload_too_large']);
    expect(await codeOf('/fail/inflate')).toEqual([400, 'invalid_request']);
    expect(await codeOf('/fail/weirdAndBroken')).toEqual([500, 'internal_error']);
    expect(await codeOf('/param/%ff')).toEqual([400, 'invalid_request']);
  });

  test('the proxies that TRUST_PROXY names are believed, with their ports too, where the app takes parts.trustProxy', async () => {
    const host = await startHost({
      express,
      env: {
        ...realSettings('http://127.0.0.1:9'),
        LOGIN_RATE_LIMIT: '1',
        TRUST_PROXY: 'loopback,10.0.0.0/8',
      },
      mount(app, parts) {
        app.set('trust proxy', parts.trustProxy);
        app.use(wxuserRoutes(parts), handleErrors);
      },
    });
    const from = async (forwarded: string) =>
      (await ask(host.url, '/api/wxuser', { json: {}, headers: { 'X-Forwarded-For': forwarded } })).status;
    expect(await from('203.0.113.7:5678, 10.0.0.4:443')).toBe(400);
    expect(await from('203.0.113.8:5678, 10.0.0.4:444')).toBe(400);
    expect(await from('192.0.2.1, 203.0.113.7:9, 10.0.0.5:443')).toBe(429);
  });

  test('a guard that fails in an unforeseen way reaches the error handler', async () => {
    const host = await startHost({
      express,
      mount(app, parts) {
        const sessions = { ...parts.sessions, standing: () => Promise.reject(new TypeError('unforeseen')) };
        app.get('/orders', requireLogin(parts.tokens, sessions), (_req, res) => void res.send('in'));
        app.use(handleErrors);
      },
    });
    const { token } = host.parts.tokens.issue({ id: 1, appid: host.parts.appids[0], openid: 'o', sid: 's' });
    const answer = await ask(host.url, '/orders', { token });
    expect([answer.status, await answer.json()]).toMatchObject([500, { code: 'internal_error' }]);
  });

  test('what the app’s parsers made of a message is understood, or refused with a sentence', async () => {
    const { json, raw, text, urlencoded } = express;
    const parsers = [text({ type: 'text/plain' }), raw({ type: 'application/octet-stream' })];
    const host = await startHost({
      express,
      env: PLAIN,
      mount(app, parts) {
        app.use(json(), urlencoded({ extended: true }), ...parsers);
        app.use(callbackRoutes(parts), wxuserRoutes(parts), handleErrors);
      },
    });
    const event = { ToUserName: 'gh_1', MsgType: 'event', Event: 'user_info_modified', OpenID: 'oNobody' };
    const push = async (type: string, format: 'JSON' | 'XML') => {
      const { query, body } = pack(event, { format });
      const response = await ask(host.url, `/api/wechat/callback?${new URLSearchParams(query)}`, {
        body,
        type,
      });
      return [response.status, await response.text()];
    };
    for (const type of ['application/json', 'text/plain', 'application/octet-stream', 'text/other'])
      expect(await push(type, 'JSON'), type).toEqual([200, 'success']);
    expect(await push('text/xml', 'XML')).toEqual([200, 'success']);
    const [status, refusal] = await push('application/x-www-form-urlencoded', 'XML');
    expect([status, JSON.parse(String(refusal))]).toMatchObject([400, { code: 'callback_unreadable' }]);
    expect(host.log.at(-1)?.['reason']).toContain('mount callbackRoutes before the body parsers');

    const login = await ask(host.url, '/api/wxuser', {
      body: '{"code":"a"}',
      type: 'application/octet-stream',
    });
    expect([login.status, await login.json()]).toMatchObject([415, { code: 'unsupported_media_type' }]);
    await expect.poll(() => host.log.at(-1)?.['reason']).toContain('mount our routes before it');
  });
});

test('TRACE sends nothing back', async () => {
  const app = await startApp();
  const sent = request(app.url, { method: 'TRACE', headers: { 'X-Sent': 'echo' } }).end();
  const [answer] = (await once(sent, 'response')) as [IncomingMessage];
  expect(answer.statusCode).toBe(404);
  expect(await text(answer)).not.toContain('echo');
});

test('an error that is sent as JSON shows what a client may see', () => {
  const error = new AppError('wechat_misconfigured', { reason: 'for the log' });
  expect(JSON.parse(JSON.stringify({ error }))).toEqual({
    error: {
      status: 500,
      code: 'wechat_misconfigured',
      message: "The server's WeChat settings are wrong: tell its developer",
      retry: 'never',
    },
  });
  expect(error).toMatchObject({ status: 500, statusCode: 500, expose: true, headers: {} });
});
