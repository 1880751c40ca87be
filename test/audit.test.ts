import express, { type ErrorRequestHandler, type RequestHandler } from 'express';
import { expect, onTestFinished, test } from 'vitest';
import { loadConfig } from '../src/config.ts';
import { createLog } from '../src/log.ts';
import { createParts } from '../src/parts.ts';
import { koaRoutes } from '../src/routes/koa.ts';
import { type WxuserParts, wxuserRoutes } from '../src/routes/wxuser.ts';
import { openStores } from '../src/stores.ts';
import { APPID, realSettings, startApp, type TestApp } from './support/app.ts';
import { freshSqlite } from './support/engines.ts';
import { run } from './support/process.ts';
import { nowInSeconds, push, SAFE } from './support/push.ts';
import { routesIn } from './support/routes.ts';
import { errcode, held, json, startStandIn, token } from './support/wechat.ts';

const SECRET = { JWT_SECRET: 'eMsft9ydoEYJ07v0LfjLfg2ArfXsSaZi6dx3Syho', SESSION_CACHE_SECONDS: '0' };
const SANDBOX = 'wxsandbox000000000';

type Line = Record<string, unknown>;
const lines = (app: TestApp) => app.log.filter((line) => line['msg'] === 'audit');

/** The audit lines that a piece of work adds: all but their times. */
async function added(app: TestApp, work: () => Promise<{ headers: Headers }>): Promise<Line[]> {
  const before = lines(app).length;
  const { headers } = await work();
  return lines(app)
    .slice(before)
    .map(({ time, level, msg, requestId, ...line }) => {
      expect([level, msg, requestId, typeof time]).toEqual([
        30,
        'audit',
        headers.get('x-request-id'),
        'string',
      ]);
      return line;
    });
}

/** Every route of the tables: method and path. */
function routesOfTables(): [string, string][] {
  const pass: RequestHandler = (_req, _res, next) => next();
  const guards = { limitLogins: pass, limitPhoneData: pass, cloudIdentity: pass, requireLogin: pass };
  const needs = { front: [pass], audited: () => pass, ...guards, avatars: { isOurs: () => false } };
  const parts = needs as unknown as WxuserParts;
  const stacks = [wxuserRoutes(parts), koaRoutes(parts)].flatMap(({ stack }) => stack);
  return routesIn(stacks).map((route) => route.split(' ') as [string, string]);
}

test('whatever changes something is audited, also where it is refused: once', async () => {
  const app = await startApp();
  const routes = routesOfTables();
  expect(routes.length).toBeGreaterThan(9);
  for (const [method, path] of routes) {
    const [line, ...more] = await added(app, () => app.call(method, path.replace(':id', 'x')));
    if (method === 'GET') expect(line, path).toBeUndefined();
    else expect(line, path).toMatchObject({ audit: expect.any(String), from: '127.0.0.*' });
    expect(more).toEqual([]);
    expect(line?.['result']).not.toBe('ok');
    if (method === 'GET') continue;
    const compressed = () => app.call(method, path.replace(':id', 'x'), '{}', { 'Content-Encoding': 'gzip' });
    expect(await added(app, compressed), path).toMatchObject([{ result: 'unsupported_media_type' }]);
  }
});

test('logins: who, of which app, from where, and what came of it', async () => {
  const wechat = await startStandIn();
  const app = await startApp({ env: { ...realSettings(wechat.url), ...SECRET } });
  const login =
    (body: object = { code: 'code' }, path = '/api/wxuser') =>
    () =>
      app.call('POST', path, body);
  const from = '127.0.0.*';
  const line = { audit: 'login', appid: APPID, from };
  expect(await added(app, login())).toEqual([{ ...line, user: 1, result: 'ok' }]);
  expect(await added(app, login(undefined, '/user/wechatlogin'))).toEqual([
    { ...line, user: 1, result: 'ok' },
  ]);
  expect(await added(app, login({}))).toEqual([{ audit: 'login', from, result: 'invalid_request' }]);
  expect(await added(app, login({ code: 'c', appid: 'wx0000000000000000' }))).toEqual([
    { audit: 'login', from, result: 'invalid_request' },
  ]);
  expect(await added(app, () => app.call('POST', '/api/wxuser', '{"code":'))).toEqual([
    { audit: 'login', from, result: 'invalid_request' },
  ]);
  wechat.answer(errcode(40029));
  for (const path of ['/api/wxuser', '/user/wechatlogin'])
    expect(await added(app, login(undefined, path))).toEqual([{ ...line, result: 'wechat_code_invalid' }]);
  wechat.answer(json({ openid: 'oAuditedOfTheTests0000000000', session_key: 'tiihtNczf5v6AKRyjwEUhQ==' }));
  wechat.answerAt('/cgi-bin/stable_token', token());
  wechat.answerAt('/wxa/business/getuserphonenumber', errcode(40029));
  const withPhone = { code: 'code', phoneCode: 'a'.repeat(64) };
  expect(await added(app, login(withPhone))).toEqual([
    { ...line, user: 2, phone: 'phone_code_invalid', result: 'ok' },
  ]);
  const { sql } = await import('kysely');
  await app.sql(sql`UPDATE wxuser SET status = 'banned'`);
  expect(await added(app, login())).toEqual([{ ...line, user: 2, result: 'user_banned' }]);
});

test('a refusal by the limit is audited', async () => {
  const app = await startApp({ env: { LOGIN_RATE_LIMIT: '1' } });
  const user = { user: 1, appid: SANDBOX };
  const line = { audit: 'login', from: '127.0.0.*' };
  expect(await added(app, () => app.login({ user: 'Ada' }))).toEqual([{ ...line, ...user, result: 'ok' }]);
  expect(await added(app, () => app.login({ user: 'Ada' }))).toEqual([
    { ...line, result: 'too_many_requests' },
  ]);
});

test('logout, the end of another session, the phone, the profile, the erasure', async () => {
  const app = await startApp({ env: SECRET });
  const [one, two, three] = [await bearer(app), await bearer(app), await bearer(app)];
  const call = (method: string, path: string, headers: Record<string, string>, body?: unknown) =>
    added(app, () => app.call(method, `/api/wxuser${path}`, body, headers));
  const line = { user: 1, appid: SANDBOX, from: '127.0.0.*', result: 'ok' };
  const { sessions } = (await app.call('GET', '/api/wxuser/sessions', undefined, one)).body;
  const other = sessions.find((session: { current: boolean }) => !session.current).id;

  expect(await call('DELETE', `/sessions/${other}`, one)).toEqual([{ ...line, audit: 'session_end' }]);
  const gone = { audit: 'session_end', result: 'not_found' };
  expect(await call('DELETE', `/sessions/${other}`, one)).toEqual([{ ...line, ...gone }]);
  expect(await call('PUT', '/me', one, { nickName: 'Ada L.' })).toEqual([{ ...line, audit: 'profile' }]);
  const button = await app.call('POST', '/sandbox/wx/getPhoneNumber', { user: 'Ada' });
  for (const [code, result] of [
    [button.body.code, 'ok'],
    ['x', 'phone_code_invalid'],
  ])
    expect(await call('POST', '/me/phone', one, { code })).toEqual([{ ...line, audit: 'phone', result }]);
  expect(await call('POST', '/logout', one)).toEqual([{ ...line, audit: 'logout' }]);
  const over = { result: 'session_ended' };
  expect(await call('POST', '/logout', one)).toEqual([{ ...line, audit: 'logout', ...over }]);
  const left = [two, three];
  const alive: Record<string, string>[] = [];
  for (const headers of left)
    if ((await app.call('GET', '/api/wxuser/me', undefined, headers)).status === 200) alive.push(headers);
  expect(alive).toHaveLength(1);
  for (const headers of alive)
    expect(await call('POST', '/logout', headers, { all: true })).toEqual([{ ...line, audit: 'logout' }]);

  const last = await bearer(app);
  expect(await call('DELETE', '/me', last)).toEqual([{ ...line, audit: 'erasure' }]);
  expect(await call('DELETE', '/me', last)).toEqual([{ ...line, audit: 'erasure', ...over }]);
  expect(await call('DELETE', '/me', {})).toEqual([
    { audit: 'erasure', from: '127.0.0.*', result: 'token_missing' },
  ]);
});

test('a client that leaves does not keep what came of its request from being audited', async () => {
  const wechat = await startStandIn();
  const app = await startApp({ env: { ...realSettings(wechat.url), ...SECRET } });
  for (const [reply, result] of [
    [json({ openid: 'oAuditedOfTheTests0000000000', session_key: 'tiihtNczf5v6AKRyjwEUhQ==' }), 'ok'],
    [errcode(40163), 'wechat_code_used'],
  ] as const) {
    const waiting = held(reply);
    wechat.answer(waiting.reply);
    const leave = new AbortController();
    const headers = { 'Content-Type': 'application/json' };
    const init = { method: 'POST', headers, body: '{"code":"c"}', signal: leave.signal };
    const left = fetch(`${app.url}/api/wxuser`, init).catch(() => 'left');
    await waiting.asked;
    leave.abort();
    expect(await left).toBe('left');
    await expect.poll(() => app.log.at(-1)).toMatchObject({ status: 499 });
    waiting.letGo();
    await expect.poll(() => lines(app).at(-1)).toMatchObject({ audit: 'login', appid: APPID, result });
  }
  expect(lines(app)).toHaveLength(2);
});

test('in a host’s own app, which logs and answers errors itself', async () => {
  const database = await freshSqlite();
  const config = loadConfig({ DATABASE_URL: database.url });
  const log: Line[] = [];
  const logger = createLog('info', { write: (line) => void log.push(JSON.parse(line)) });
  const stores = await openStores(config, logger);
  const parts = createParts(config, { log: logger, stores, sandboxBase: 'http://127.0.0.1:9/sandbox' });
  const answer: ErrorRequestHandler = (_error, _req, res, _next) => void res.status(418).end();
  const server = express().use(express.json(), wxuserRoutes(parts), koaRoutes(parts), answer).listen(0);
  onTestFinished(async () => {
    server.close();
    await parts.close();
    await stores.close();
    await database.drop();
  });
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  for (const path of ['api/wxuser/logout', 'user/wechatlogin']) {
    const { status } = await fetch(`http://127.0.0.1:${port}/${path}`, { method: 'POST' });
    expect(status).toBe(418);
  }
  const more = { from: '127.0.0.*', requestId: expect.stringMatching(/^[0-9a-f-]{36}$/), msg: 'audit' };
  expect(log.filter((line) => line['msg'] === 'audit')).toMatchObject([
    { audit: 'logout', result: 'token_missing', ...more },
    { audit: 'login', result: 'invalid_request', ...more },
  ]);
});

test('what WeChat does to a user is audited, once, and only where there is one', async () => {
  const app = await startApp({ env: SAFE });
  await bearer(app);
  const [row] = await app.rows();
  const event = (Event: string, OpenID: unknown, more: object = {}) => {
    const at = { CreateTime: nowInSeconds(), MsgType: 'event' };
    return { ...at, Event, OpenID, AppID: SANDBOX, ...more };
  };
  const pushed = (message: object) =>
    added(app, () => push(app, message as Record<string, unknown>, { mode: 'safe' }));
  const line = { user: row?.id, appid: SANDBOX, from: '127.0.0.*', result: 'ok' };
  const revoked = event('user_authorization_revoke', row?.user_id, { RevokeInfo: '19' });
  expect(await pushed(revoked)).toEqual([{ ...line, audit: 'revocation' }]);
  const old = event('user_authorization_cancellation', row?.user_id, { CreateTime: 1_700_000_000 });
  expect(await pushed(old)).toEqual([]);
  const leaving = event('user_authorization_cancellation', row?.user_id);
  expect(await pushed(leaving)).toEqual([{ ...line, audit: 'erasure' }]);
  expect(await pushed(leaving)).toEqual([]);
  expect(await pushed(event('user_authorization_cancellation', row?.user_id, { n: 1 }))).toEqual([]);
});

test('commands: a line per user on standard error, and standard output for people', {
  timeout: 60_000,
}, async () => {
  const database = await freshSqlite();
  onTestFinished(database.drop);
  const app = await startApp({ database, env: SECRET });
  await bearer(app);
  const command = async (...args: string[]) => {
    const process = run(args, { ...SECRET, DATABASE_URL: database.url });
    await process.ended;
    const written = process
      .errors()
      .split('\n')
      .filter((line) => line.startsWith('{'));
    return { lines: written.map((line) => JSON.parse(line) as Line), said: process.output() };
  };
  const line = { user: 1, appid: SANDBOX, from: 'cli', result: 'ok', level: 30, msg: 'audit' };
  const requestId = expect.stringMatching(/^[0-9a-f-]{36}$/);
  const time = expect.any(String);
  for (const name of ['ban', 'unban', 'end-sessions']) {
    const { lines, said } = await command(name, '1');
    expect(lines).toEqual([{ ...line, audit: name, requestId, time }]);
    expect(said).toMatch(/user 1\b/);
    const { lines: none } = await command(name, '9');
    expect(none).toEqual([
      { audit: name, from: 'cli', result: 'not_found', level: 30, msg: 'audit', requestId, time },
    ]);
  }
  expect((await command('ban', 'Ada')).lines).toEqual([]);
});

async function bearer(app: TestApp): Promise<Record<string, string>> {
  return { Authorization: (await app.login({ user: 'Ada' })).body.token };
}
