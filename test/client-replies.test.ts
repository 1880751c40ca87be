import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { createSession, SessionError, type SessionOptions } from '../miniprogram/session/index.ts';
import type { Response } from '../miniprogram/session/platform.ts';
import { startApp, type TestApp } from './support/app.ts';
import { createClock, createPhone } from './support/phone.ts';

const ME = { url: '/api/wxuser/me' };
const LOGIN = 'POST /api/wxuser';
const GET_ME = 'GET /api/wxuser/me';
const DAY = 24 * 60 * 60_000;

interface Me {
  user: { nickName: string | null };
}

const PORTAL = `<script>top.self.location.href='http://10.0.0.1/login?ticket=8f1c2d3e4b5a'</script>`;
const PAGE = '<!DOCTYPE html>\n<html><head><title>Sign in</title></head></html>';
const USER = { id: 1, nickName: null, avatar: null, gender: null, createdAt: null };
const GOOD = {
  ...{ status: 200, messages: 'ok', token: 'Bearer a.b.c', expiresAt: '2999-01-01T00:00:00.000Z' },
  ...{ isNew: false, user: USER },
};

/** One server and one row for all of this file; each test has its own phone. */
let app: TestApp;
beforeAll(async () => {
  app = await startApp({ shared: true });
  return app.close;
});

function open(options: Partial<SessionOptions> = {}) {
  const phone = createPhone(app);
  const clock = createClock();
  const session = createSession({ baseUrl: app.url, platform: phone, clock, language: 'en', ...options });
  return { phone, clock, session };
}

const failure = (work: Promise<unknown>): Promise<SessionError> =>
  work.then(
    () => Promise.reject(new Error('it did not fail')),
    (error) => {
      expect(error).toBeInstanceOf(SessionError);
      return error as SessionError;
    },
  );
const answer = (data: unknown, statusCode: number | string = 200): Response => ({ statusCode, data });

describe('a login that is answered 200 by somebody else is a SessionError that says what came', () => {
  test.each<[string, unknown, string]>([
    ['a login page of a gateway', PAGE, 'a web page'],
    ['the script of a Wi-Fi’s portal', PORTAL, 'a web page'],
    ['an empty text', '', 'nothing'],
    ['no data at all', undefined, 'nothing'],
    ['null', null, 'null'],
    ['the text null', 'null', 'null'],
    ['an array', [GOOD], 'an array'],
    ['a text', 'it works', 'a text of 8 characters'],
    ['a JSON text of a number', '200', '200'],
    [
      'another server’s JSON',
      { code: 0, data: { token: 'Bearer a.b.c' } },
      'status, token, expiresAt, isNew',
    ],
    ['a tutorial’s failure', { status: 500, messages: 'no' }, 'status, token'],
    ['a tutorial’s login', { status: 200, messages: 'ok', token: 'Bearer a.b.c' }, 'expiresAt, isNew, user'],
    ['a token that is no text', { ...GOOD, token: { value: 1 } }, 'wrong or missing: token:'],
    ['a token without its scheme', { ...GOOD, token: 'a.b.c' }, 'wrong or missing: token:'],
    ['an empty token', { ...GOOD, token: '' }, 'wrong or missing: token:'],
    ['an end that is no time', { ...GOOD, expiresAt: 'never' }, 'wrong or missing: expiresAt:'],
    ['a user that is none', { ...GOOD, user: [] }, 'wrong or missing: user:'],
    ['a user without an id', { ...GOOD, user: { ...USER, id: null } }, 'wrong or missing: user:'],
  ])('%s', async (_name, data, says) => {
    const { session, phone } = open();
    phone.next(LOGIN, answer(data));
    const error = await failure(session.login());
    expect(error).toMatchObject({ status: 0, code: 'unexpected_reply', retry: 'never' });
    expect(error.reason).toMatch(/^POST \/api\/wxuser gave 200 with /);
    expect(error.reason).toContain(says);
    expect(error.reason).toContain('is baseUrl right');
    expect(error.message).not.toMatch(/a\.b\.c|ticket=/);
    expect([session.user, phone.storage.size, phone.count('login')]).toEqual([undefined, 0, 1]);
    // The login under way is over: the next one is another.
    expect(await session.request<Me>(ME)).toMatchObject({ status: 200 });
  });

  test('all who share it are told, in the tap too, and the next tap works', async () => {
    const { session, phone } = open();
    phone.next(LOGIN, answer(PAGE), answer(PAGE));
    const failures = await Promise.all([session.login(), session.request(ME)].map(failure));
    expect(failures.map(({ code }) => code)).toEqual(['unexpected_reply', 'unexpected_reply']);
    expect(await failure(session.loginWithProfile('for you'))).toMatchObject({ code: 'unexpected_reply' });
    expect(await session.loginWithProfile('for you')).toMatchObject({ nickName: 'Ada' });
  });
});

test('over HTTP: a portal in front of the server, then the server', async () => {
  let isOpen = false;
  const portal = createServer(async (req, res) => {
    if (!isOpen) return void res.setHeader('Content-Type', 'text/html').end(PORTAL);
    const chunks: Uint8Array[] = [];
    for await (const chunk of req) chunks.push(chunk);
    const { host: _host, connection: _connection, ...headers } = req.headers as Record<string, string>;
    const body = chunks.length > 0 ? { body: Buffer.concat(chunks) } : {};
    const real = await fetch(app.url + req.url, { method: req.method ?? 'GET', headers, ...body });
    res.sendDate = false;
    res.writeHead(real.status, { 'Content-Type': real.headers.get('content-type') ?? '' });
    res.end(await real.text());
  }).listen(0, '127.0.0.1');
  await once(portal, 'listening');
  onTestFinished(() => void portal.close().closeAllConnections());
  const { session, phone, clock } = open({
    baseUrl: `http://127.0.0.1:${(portal.address() as AddressInfo).port}`,
  });
  expect(await failure(session.login())).toMatchObject({ status: 0, code: 'unexpected_reply' });
  isOpen = true;
  // It sends no Date, and the phone's clock is a month ahead: one login all the same.
  clock.advance(30 * DAY);
  for (let i = 0; i < 3; i++) expect(await session.request<Me>(ME)).toMatchObject({ status: 200 });
  expect(phone.count(LOGIN)).toBe(2);
});

describe('how long a token is sent', () => {
  /** A token like the server's, whose text has every digit of base64url. */
  const tokenFor = (seconds: number) => {
    const iat = 1_700_000_000;
    const claims = { sub: '1', openid: '~~~???>>>', iat, exp: iat + seconds };
    return `Bearer a.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.c`;
  };
  const good = (changes: object, header: object = {}): Response => ({
    ...{ statusCode: 200, header, data: { ...GOOD, ...changes } },
  });
  const me = answer({ status: 200, messages: 'ok', user: USER });
  const soon = (ms: number) => new Date(Date.now() + ms).toISOString();
  const week = { token: tokenFor(7 * 86_400), expiresAt: soon(7 * DAY) };

  test.each<[string, number, Response]>([
    ['no Date', 0, good(week)],
    ['no Date, and a phone that is a year ahead', 365 * DAY, good(week)],
    ['a Date of another year', 0, good(week, { Date: 'Thu, 01 Jan 1970 00:00:00 GMT' })],
    ['a Date just before the end', 0, good(week, { date: new Date(Date.now() + 7 * DAY - 1).toUTCString() })],
    ['a Date after the end', 0, good(week, { date: new Date(9e14).toUTCString() })],
    ['a token without times', 0, good({ expiresAt: soon(DAY) })],
    ['a token without times, and a phone that is a year ahead', 365 * DAY, good({ expiresAt: soon(DAY) })],
    ['a token whose times are none', 365 * DAY, good({ token: tokenFor(-1), expiresAt: soon(DAY) })],
  ])('%s does not make every request a login', async (_name, ahead, login) => {
    const { session, phone, clock } = open();
    clock.advance(ahead);
    phone.next(LOGIN, login);
    phone.next(GET_ME, me, me, me);
    for (let i = 0; i < 3; i++) {
      await session.request(ME);
      clock.advance(60_000);
    }
    expect([phone.count(LOGIN), phone.count(GET_ME)]).toEqual([1, 3]);
  });

  test('as long as its own times say, whatever the clocks do', async () => {
    const { session, phone, clock } = open();
    phone.next(LOGIN, good({ token: tokenFor(60), expiresAt: soon(DAY) }));
    phone.next(GET_ME, me);
    await session.request(ME);
    clock.advance(61_000);
    await session.request(ME);
    expect(phone.count(LOGIN)).toBe(2);
  });
});

describe('what any call is answered', () => {
  test.each<[string, Parameters<ReturnType<typeof open>['session']['request']>[0], unknown]>([
    ['a page', ME, PAGE],
    ['nothing, for a 204', ME, ''],
    ['JSON without the user', ME, { status: 200, messages: 'ok' }],
    ['a user that is an array', ME, { status: 200, messages: 'ok', user: [] }],
    ['a success of another server', { ...ME, method: 'PUT', data: {} }, { code: 0, user: USER }],
    ['devices that are none', { url: '/api/wxuser/sessions' }, { status: 200, messages: 'ok', sessions: {} }],
    [
      'a device that is null',
      { url: '/api/wxuser/sessions/' },
      { status: 200, messages: 'ok', sessions: [null] },
    ],
    ['an end of a session', { url: '/api/wxuser/sessions/abc', method: 'DELETE' }, PAGE],
    ['no phone number', { url: '/api/wxuser/me/phone', method: 'POST' }, { status: 200, messages: 'ok' }],
    ['no data of mine', { url: '/api/wxuser/me/export?x=1' }, { status: 200, messages: 'ok', data: {} }],
    ['a page for a route of yours', { url: '/api/orders' }, PAGE],
    ['a portal for a route of yours', { url: '/api/orders', method: 'POST' }, PORTAL],
  ])('%s is refused where our server answers otherwise', async (_name, request, data) => {
    const { session, phone } = open({ retries: 0 });
    const { method = 'GET' } = request;
    phone.next(`${method} ${request.url.replace(/\?.*/, '')}`, answer(data, data === '' ? 204 : 200));
    const error = await failure(session.request(request));
    expect(error).toMatchObject({ status: 0, code: 'unexpected_reply', retry: 'never' });
    expect(error.reason).not.toContain('abc');
    expect(session.user).toBeDefined();
  });

  test.each<[string, unknown, unknown]>([
    ['nothing', '', ''],
    ['null', null, null],
    ['an array', [1], [1]],
    ['a text', 'ok', 'ok'],
    ['a part of a page', '<p>an article</p>', '<p>an article</p>'],
    ['JSON of another form', { code: 0 }, { code: 0 }],
    ['JSON as a text', '{"code":0}', { code: 0 }],
  ])('a route of yours may answer %s', async (_name, data, given) => {
    const { session, phone } = open();
    phone.next('GET /api/orders', answer(data));
    expect(await session.request({ url: '/api/orders' })).toEqual(given);
  });

  test('JSON that wx gives as a text is parsed: with U+2028 in it, or a byte order mark before it', async () => {
    const { session, phone } = open();
    const text = JSON.stringify({
      status: 200,
      messages: 'ok',
      user: { ...USER, nickName: 'Ada\u2028Lovelace' },
    });
    phone.next(GET_ME, answer(text), answer(`\uFEFF${text}`));
    for (let i = 0; i < 2; i++)
      expect((await session.request<Me>(ME)).user.nickName).toBe('Ada\u2028Lovelace');
    phone.next(LOGIN, answer(JSON.stringify(GOOD)));
    await session.logout();
    expect(await session.login()).toEqual(USER);
  });

  test('a status that wx gives as a text is one', async () => {
    const { session, phone } = open({ retries: 0 });
    await session.login();
    const me = { status: 200, messages: 'ok', user: USER };
    phone.next(GET_ME, answer(me, '200'), answer({ code: 'forbidden' }, '403'));
    expect(await session.request(ME)).toEqual(me);
    expect(await failure(session.request(ME))).toMatchObject({ status: 403, code: 'forbidden' });
  });

  test.each([
    ['0', answer('', 0)],
    ['none', answer('', '')],
    ['a word', answer('', 'ok')],
    ['not even an object', undefined as unknown as Response],
  ])('a status that is %s is no reply of a server', async (_name, given) => {
    const { session, phone } = open({ retries: 0 });
    await session.login();
    phone.request = ({ success }) => success(given);
    expect(await failure(session.request(ME))).toMatchObject({ status: 0, code: 'network_failed' });
  });

  test.each([301, 302, 304])('a %d has no data, and is no success', async (statusCode) => {
    const { session, phone } = open();
    phone.next(GET_ME, answer('', statusCode));
    const error = await failure(session.request(ME));
    expect(error).toMatchObject({ status: statusCode, code: `http_${statusCode}`, retry: 'never' });
    expect(error.reason).toContain('a cache or a redirect');
  });

  test('the server answers no 304, whatever a cache has kept', async () => {
    const { body } = await app.login({ user: 'Ada' });
    const headers = { Authorization: body.token as string };
    const first = await app.call('GET', ME.url, undefined, headers);
    for (const etag of ['*', first.headers.get('etag') ?? '*']) {
      const again = await app.call('GET', ME.url, undefined, { ...headers, 'If-None-Match': etag });
      expect([again.status, again.body.status]).toEqual([200, 200]);
    }
  });

  test.each([
    ['in any case', { 'RETRY-AFTER': '1' }],
    ['as a list', { 'retry-after': ['1', '9'] }],
    ['as a number', { 'Retry-After': 1 }],
  ])('a header %s is read', async (_name, header) => {
    const { session, phone } = open({ retries: 0 });
    phone.next(GET_ME, { statusCode: 503, data: '', header });
    expect(await failure(session.request(ME))).toMatchObject({ status: 503, retryAfter: 1 });
  });

  test.each([null, undefined])('headers that are %s are none', async (header) => {
    const { session, phone } = open({ retries: 0 });
    phone.next(GET_ME, { statusCode: 503, data: '', header } as Response);
    expect(await failure(session.request(ME))).toMatchObject({ status: 503, retryAfter: undefined });
  });

  test.each([
    [403, PAGE, 'not weapp-login answered 403 with a web page'],
    [500, '', 'not weapp-login answered 500 with nothing'],
    [502, { error: 'x' }, 'not weapp-login answered 502 with other JSON'],
  ])('a %d of a gateway says what came', async (status, data, reason) => {
    const { session, phone } = open({ retries: 0 });
    phone.next(GET_ME, answer(data, status));
    expect(await failure(session.request(ME))).toMatchObject({ status, code: `http_${status}`, reason });
  });

  test('a refusal of another form has all parts of a SessionError', async () => {
    const { session, phone } = open({ retries: 0 });
    const body = { code: { a: 1 }, messages: ['x'], requestId: {}, issues: [null, 'x', { path: 1 }] };
    phone.next(GET_ME, answer(body, 400));
    expect(await failure(session.request(ME))).toMatchObject({
      ...{ status: 400, code: 'http_400', messages: 'HTTP 400', requestId: '' },
      issues: [
        { path: '', message: '' },
        { path: '', message: '' },
        { path: '1', message: '' },
      ],
    });
  });
});

describe('what ends something is done when our server says so', () => {
  test('a logout that a portal answers did not reach the server', async () => {
    const { session, phone } = open();
    await session.login();
    phone.next('POST /api/wxuser/logout', answer(PORTAL));
    expect(await session.logout()).toBe(false);
  });

  test('a logout of all devices, or an erasure, that a portal answers changes nothing', async () => {
    const { session, phone } = open();
    await session.login();
    phone.next('POST /api/wxuser/logout', answer(PORTAL));
    expect(await failure(session.logout({ all: true }))).toMatchObject({ code: 'unexpected_reply' });
    phone.next('DELETE /api/wxuser/me', answer('', 204));
    expect(await failure(session.erase())).toMatchObject({ code: 'unexpected_reply' });
    expect(await session.request(ME)).toMatchObject({ status: 200 });
  });

  test('an upload that a portal answers is none', async () => {
    const { session, phone } = open();
    phone.next('upload /api/wxuser/me/avatar', answer(PAGE), answer(JSON.stringify({ status: 200 })));
    const picture = { url: '/api/wxuser/me/avatar', filePath: '/none' };
    for (let i = 0; i < 2; i++)
      expect(await failure(session.upload(picture))).toMatchObject({ status: 0, code: 'unexpected_reply' });
  });
});

describe('what wx itself gives', () => {
  test.each([undefined, null, {}, { code: '' }, { code: 7 }])(
    'a wx.login with %j has no code',
    async (given) => {
      const { session, phone } = open({ retries: 0 });
      phone.login = ({ success }) => success(given as { code: string });
      expect(await failure(session.login())).toMatchObject({ status: 0, code: 'login_failed' });
      expect(phone.calls).toEqual([]);
    },
  );

  test.each([undefined, {}])('a getUserProfile with %j is no profile', async (given) => {
    const { session, phone } = open({ retries: 0 });
    phone.getUserProfile = ({ success }) => success(given as Parameters<typeof success>[0]);
    expect(await failure(session.loginWithProfile('x'))).toMatchObject({ code: 'profile_failed' });
    expect(phone.count(LOGIN)).toBe(0);
  });

  test.each<[unknown, string]>([
    [
      { errMsg: 'request:fail url not in domain list', errno: 600002 },
      'request:fail url not in domain list (errno 600002)',
    ],
    [{ errno: 5 }, 'errno 5'],
    ['request:fail', 'request:fail'],
    [undefined, ''],
    [null, ''],
  ])('a fail with %j says it', async (given, says) => {
    const { session, phone } = open({ retries: 0 });
    await session.login();
    phone.request = ({ fail }) => fail(given);
    const error = await failure(session.request(ME));
    expect(error).toMatchObject({ status: 0, code: 'network_failed', retry: 'later' });
    expect(error.reason).toContain(says);
    expect(error.reason).not.toContain('[object');
  });
});
