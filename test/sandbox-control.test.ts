import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { describe, expect, onTestFinished, test } from 'vitest';
import { SANDBOX_APPID } from '../src/config.ts';
import { handleErrors } from '../src/middleware/handle-errors.ts';
import { sandboxRoutes } from '../src/sandbox/routes.ts';
import { createSandboxWeChat } from '../src/sandbox/wechat.ts';
import { startApp } from './support/app.ts';
import { openSandbox, type TestSandbox } from './support/sandbox.ts';

const ask = async (sandbox: TestSandbox) => sandbox.session(sandbox.wx.login('Ada').code);

describe('our choice: faults', () => {
  test('an errcode with WeChat’s text or another, for so many calls, at one endpoint', async () => {
    const sandbox = await openSandbox();
    await sandbox.ask('POST', '/control/faults', { endpoint: 'jscode2session', errcode: 45011, calls: 2 });
    await sandbox.ask('POST', '/control/faults', {
      endpoint: 'jscode2session',
      errcode: 12345,
      errmsg: 'mine',
      calls: 1,
    });
    expect((await sandbox.stableToken()).errcode).toBeUndefined();
    const replies = [];
    for (let i = 0; i < 4; i++) replies.push(await ask(sandbox));
    expect(replies).toMatchObject([
      { errcode: 45011, errmsg: expect.stringMatching(/^api minute-quota/) },
      { errcode: 45011 },
      { errcode: 12345, errmsg: expect.stringMatching(/^mine rid: /) },
      { openid: expect.any(String) },
    ]);
  });

  test('an errcode is sent as the endpoint sends its own: §1 as text/plain, with escaped slashes', async () => {
    const sandbox = await openSandbox();
    sandbox.fail('jscode2session', { errcode: 40001, calls: 1 });
    sandbox.fail('jscode2session', { errcode: -1, status: 500, calls: 1 });
    const reply = await fetch(`${sandbox.url}/sns/jscode2session`);
    expect(reply.headers.get('content-type')).toMatch(/^text\/plain/);
    expect(await reply.text()).toMatch(/at https:\\\/\\\/mmbizurl\.cn\\\/s\\\/JtxxFh33r rid: /);
    expect(await sandbox.ask('GET', '/sns/jscode2session')).toMatchObject({
      status: 500,
      body: { errcode: -1 },
    });
  });

  test('until it is cleared; by default at every endpoint', async () => {
    const sandbox = await openSandbox();
    await sandbox.ask('POST', '/control/faults', { errcode: -1 });
    for (let i = 0; i < 3; i++) expect((await ask(sandbox)).errcode).toBe(-1);
    expect((await sandbox.stableToken()).errcode).toBe(-1);
    expect((await sandbox.ask('GET', '/control/faults')).body).toMatchObject([{ endpoint: '*' }]);
    await sandbox.ask('DELETE', '/control/faults/token');
    expect((await ask(sandbox)).errcode).toBe(-1);
    expect((await sandbox.ask('DELETE', '/control/faults')).body).toEqual([]);
    expect((await ask(sandbox)).openid).toBeDefined();
  });

  test('at a rate: dice decide', async () => {
    const throws = [0.1, 0.5, 0.9, 0.49];
    const sandbox = await openSandbox({ random: () => throws.shift() ?? 1 });
    sandbox.fail('jscode2session', { errcode: -1, rate: 0.5 });
    const errcodes = [];
    for (let i = 0; i < 4; i++) errcodes.push((await ask(sandbox)).errcode);
    expect(errcodes).toEqual([-1, undefined, undefined, -1]);
  });

  test('garbage, an HTTP status with a page, a cut connection', async () => {
    const sandbox = await openSandbox();
    sandbox.fail('jscode2session', { garbage: true, calls: 1 });
    sandbox.fail('jscode2session', { status: 502, calls: 1 });
    sandbox.fail('jscode2session', { cut: true, calls: 1 });
    const path = '/sns/jscode2session';
    expect(await sandbox.ask('GET', path)).toMatchObject({ status: 200, body: '{"errcode":0,"errmsg":"o' });
    expect(await sandbox.ask('GET', path)).toMatchObject({
      status: 502,
      body: expect.stringMatching(/<h1>502/),
    });
    await expect(sandbox.ask('GET', path)).rejects.toThrow('fetch failed');
    expect(await sandbox.ask('GET', path)).toMatchObject({ body: { errcode: 41002 } });
  });

  test('hang: no answer, until the client gives up; closing waits for nobody', async () => {
    const sandbox = await openSandbox();
    sandbox.fail('jscode2session', { hang: true });
    const asked = sandbox.ask('GET', '/sns/jscode2session');
    const outcome = expect(asked).rejects.toThrow('fetch failed');
    await expect.poll(() => sandbox.count('jscode2session')).toBe(1);
    await sandbox.close();
    await outcome;
  });

  test('a delay, and the answer comes after it', async () => {
    const waits: number[] = [];
    const sandbox = await openSandbox({ wait: async (ms) => void waits.push(ms) });
    sandbox.fail('jscode2session', { delayMs: 3000, calls: 1 });
    sandbox.fail('jscode2session', { delayMs: 500, errcode: -1, calls: 1 });
    expect((await ask(sandbox)).openid).toBeDefined();
    expect((await ask(sandbox)).errcode).toBe(-1);
    expect(waits).toEqual([3000, 500]);
  });

  test('instead of the call, or after it took effect: then the code is spent', async () => {
    const sandbox = await openSandbox();
    const [first, second] = [sandbox.wx.login('Ada').code, sandbox.wx.login('Ada').code];
    sandbox.fail('jscode2session', { status: 504, calls: 1 });
    sandbox.fail('jscode2session', { status: 504, after: true, calls: 1 });
    await sandbox.session(first);
    await sandbox.session(second);
    expect((await sandbox.session(first)).openid).toBeDefined();
    expect((await sandbox.session(second)).errcode).toBe(40163);
  });

  test.each([
    ['no fault at all', { rate: 1 }],
    ['an endpoint that is none', { endpoint: 'nowhere', errcode: -1 }],
    ['a rate above 1', { errcode: -1, rate: 2 }],
  ])('%s is refused', async (_name, fault) => {
    const sandbox = await openSandbox();
    const { status, body } = await sandbox.ask('POST', '/control/faults', fault);
    expect([status, body.code]).toEqual([400, 'invalid_request']);
    expect((await sandbox.ask('DELETE', '/control/faults/nowhere')).status).toBe(404);
  });
});

describe('our choice: the control API', () => {
  test('shows and changes users, codes and sessions, but no session_key', async () => {
    const sandbox = await openSandbox();
    const { status, body: ada } = await sandbox.ask('PUT', '/control/users/Ada', {
      profile: 'anonymous',
      phone: '12066600003',
    });
    expect([status, ada]).toEqual([
      200,
      {
        user: 'Ada',
        profile: 'anonymous',
        phone: '12066600003',
        blocked: false,
        openids: {},
        unionid: expect.any(String),
      },
    ]);
    const { code } = sandbox.wx.login('Ada');
    const { code: phoneCode } = sandbox.wx.getPhoneNumber('Ada');
    const { openid, session_key } = await sandbox.session(code);
    const { body: state } = await sandbox.ask('GET', '/control/state');
    const { appid } = sandbox;
    const life = { appid, user: 'Ada', expiresAt: '2026-03-01T04:05:00.000Z' };
    expect(state.codes).toEqual([
      { for: 'login', code, used: true, ...life },
      { for: 'phone', code: phoneCode, used: false, ...life },
    ]);
    expect(state.users[0].openids).toEqual({ [appid]: openid });
    expect(state.sessions).toEqual([
      { appid, user: 'Ada', openid, keyFingerprint: expect.stringMatching(/^[0-9a-f]{8}$/) },
    ]);
    expect(JSON.stringify(state)).not.toContain(session_key);
    for (const part of ['users', 'codes', 'sessions'])
      expect((await sandbox.ask('GET', `/control/${part}`)).body).toEqual(state[part]);
  });

  test('ends a session: the next login has another session_key', async () => {
    const sandbox = await openSandbox();
    const { session_key: before } = await ask(sandbox);
    expect((await sandbox.ask('DELETE', '/control/sessions/Ada')).body).toEqual([]);
    expect((await ask(sandbox)).session_key).not.toBe(before);
  });

  test('counts the calls per endpoint and shows the last 50, without secrets', async () => {
    const sandbox = await openSandbox();
    const { session_key } = await ask(sandbox);
    const token = await sandbox.accessToken();
    await sandbox.ask('GET', `/wxa/checksession?access_token=${token}`);
    expect(sandbox.count('stable_token')).toBe(1);
    const { body } = await sandbox.ask('GET', '/control/calls');
    expect(body.counts).toEqual({ jscode2session: 1, stable_token: 1, checksession: 1 });
    expect(body.last).toMatchObject([
      { endpoint: 'checksession', query: { access_token: '…' }, answer: { errcode: 40003 } },
      { endpoint: 'stable_token', method: 'POST', status: 200, body: { secret: '…' } },
      {
        endpoint: 'jscode2session',
        at: '2026-03-01T04:00:00.000Z',
        query: { secret: '…' },
        answer: { session_key: '…' },
      },
    ]);
    for (const secret of [session_key, token, sandbox.secret])
      expect(JSON.stringify((await sandbox.ask('GET', '/control/state')).body)).not.toContain(secret);
    for (let i = 0; i < 51; i++) await ask(sandbox);
    const { last, counts } = (await sandbox.ask('GET', '/control/calls')).body;
    expect([last.length, counts.jscode2session]).toEqual([50, 52]);
  });

  test('moves the clock', async () => {
    const sandbox = await openSandbox();
    const { body } = await sandbox.ask('POST', '/control/clock', { advanceMs: 300_001 });
    expect(body).toEqual({ now: '2026-03-01T04:05:00.001Z', aheadMs: 300_001 });
    await sandbox.ask('POST', '/control/clock', { advanceMs: -300_001 });
    expect((await sandbox.ask('GET', '/control/state')).body.clock.aheadMs).toBe(0);
  });

  test('adds an app, whose users and tokens are its own', async () => {
    const sandbox = await openSandbox();
    const [appid, secret] = ['wx1111111111111111', '1'.repeat(32)];
    expect((await sandbox.ask('PUT', `/control/apps/${appid}`, {})).body.issues[0].path).toBe('secret');
    await sandbox.ask('PUT', `/control/apps/${appid}`, { secret });
    const { code } = (await sandbox.ask('POST', '/wx/login', { user: 'Ada', appid })).body;
    expect((await sandbox.session(code, { appid, secret })).openid).toBeDefined();
    expect((await sandbox.stableToken({ appid, secret })).access_token).not.toBe(await sandbox.accessToken());
    expect((await sandbox.ask('GET', '/control/apps')).body).toMatchObject([
      { appid: sandbox.appid },
      { appid: SANDBOX_APPID },
      { appid },
    ]);
    expect((await sandbox.ask('POST', '/wx/login', { appid: 'wx2' })).body.issues[0].path).toBe('appid');
  });

  test('forgets everything', async () => {
    const sandbox = await openSandbox();
    const { code } = sandbox.wx.login('Ada');
    const token = await sandbox.accessToken();
    sandbox.advance(1000);
    sandbox.fail('*', { errcode: -1 });
    sandbox.pushTo({ url: 'http://127.0.0.1:9/', token: 'AAAAA', mode: 'plain' });
    await sandbox.ask('PUT', '/control/settings', { rotateAtLogin: true });
    const { body } = await sandbox.ask('DELETE', '/control/state');
    const empty = { users: [], codes: [], sessions: [], tokens: [], faults: [], pushes: [] };
    expect(body).toMatchObject({
      ...empty,
      clock: { aheadMs: 0 },
      settings: { rotateAtLogin: false },
      calls: { counts: {}, last: [] },
      apps: [{ callback: null }, {}],
    });
    expect((await sandbox.session(code)).errcode).toBe(40029);
    const { body: refused } = await sandbox.ask('GET', `/wxa/checksession?access_token=${token}`);
    expect(refused.errcode).toBe(40001);
  });

  test('takes JSON only, so that no page of another origin can drive it', async () => {
    const sandbox = await openSandbox();
    const form = { 'Content-Type': 'application/x-www-form-urlencoded' };
    const text = { 'Content-Type': 'text/plain' };
    for (const headers of [form, text]) {
      const { status, body } = await sandbox.ask('POST', '/control/faults', '{"errcode":-1}', headers);
      expect([status, body.code]).toEqual([415, 'unsupported_media_type']);
    }
    expect((await sandbox.ask('GET', '/control/faults')).body).toEqual([]);
    expect(
      (await sandbox.ask('GET', '/control/state')).headers.get('access-control-allow-origin'),
    ).toBeNull();
  });
});

test('in an app that reads forms itself, the control API takes none all the same', async () => {
  const app = express().use(express.urlencoded(), express.json());
  const wechat = createSandboxWeChat(() => new Date());
  const http = app.use('/sandbox', sandboxRoutes(wechat), handleErrors).listen(0, '127.0.0.1');
  await once(http, 'listening');
  onTestFinished(() => void http.close());
  const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}/sandbox`;
  const body = new URLSearchParams({ event: 'user_info_modified', user: 'Ada' });
  expect((await fetch(`${url}/control/events`, { method: 'POST', body })).status).toBe(415);
  expect((await fetch(`${url}/wx/login`, { method: 'POST', body })).status).toBe(200);
  const headers = { 'Content-Type': 'application/json' };
  const token = JSON.stringify({ appid: 'wx1' });
  const reply = await fetch(`${url}/cgi-bin/stable_token`, { method: 'POST', headers, body: token });
  expect(await reply.json()).toMatchObject({ errcode: 41004 }); // read before, and understood
});

test('inside the server it is the same, under /sandbox, and moving its clock leaves the server’s alone', async () => {
  const app = await startApp();
  const button = await app.button({ user: 'Ada' });
  const moved = await app.call('POST', '/sandbox/control/clock', { advanceMs: 300_001 });
  expect(moved.body.aheadMs).toBe(300_001);
  expect((await app.call('POST', '/api/wxuser', button)).body.code).toBe('wechat_code_invalid');
  const login = await app.login({ user: 'Ada' });
  expect(login.status).toBe(200);
  await app.call('POST', '/sandbox/control/faults', { errcode: 45011, calls: 1 });
  expect((await app.login({ user: 'Ada' })).body.code).toBe('wechat_rate_limited');
  const { body } = await app.call('GET', '/sandbox/control/calls');
  expect(body.counts).toEqual({ jscode2session: 3 });
});
