import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, inject, onTestFinished, test, vi } from 'vitest';
import { createSession, SessionError, type SessionOptions } from '../miniprogram/session/index.ts';
import { startApp, type TestApp } from './support/app.ts';
import { createClock, createPhone } from './support/phone.ts';
import { jpeg } from './support/pictures.ts';
import { until } from './support/until.ts';

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const WX_LOGIN_MS = 10_000;
const REQUEST_MS = 17_000; // ours, and the grace for wx's
const [FIRST, SECOND] = [
  [500, 1000],
  [1000, 2000],
] as const;

const ME = { url: '/api/wxuser/me' };
const LOGIN = 'POST /api/wxuser';
const GET_ME = 'GET /api/wxuser/me';

interface Me {
  user: { id: number; nickName: string | null };
}

async function open(env: Record<string, string> = {}, options: Partial<SessionOptions> = {}) {
  const app = await startApp({ env });
  const phone = createPhone(app);
  const clock = createClock();
  const start = (more: Partial<SessionOptions> = {}) =>
    createSession({ baseUrl: app.url, platform: phone, clock, ...options, ...more });
  return { app, phone, clock, start, session: start() };
}

/** What a failure is, with status and code. */
const failure = (work: Promise<unknown>): Promise<SessionError> =>
  work.then(
    () => Promise.reject(new Error('it did not fail')),
    (error) => {
      expect(error).toBeInstanceOf(SessionError);
      return error as SessionError;
    },
  );

const times = <T>(count: number, make: () => T): T[] => Array.from({ length: count }, make);
const stored = (storage: Map<string, unknown>) =>
  [...storage.values()][0] as { token: string; goodUntil: number };
/** Ends every session of the user on the server, as another device does. */
const endSessions = async (app: TestApp, user = 'Ada') => {
  const { token } = (await app.login({ user })).body;
  const answer = await app.call('POST', '/api/wxuser/logout', { all: true }, { Authorization: token });
  expect(answer.status).toBe(200);
};
const fault = (app: TestApp, what: object) => app.call('POST', '/sandbox/control/faults', what);

describe('one login', () => {
  test('however many ask for it and for whatever: one wx.login, one POST', async () => {
    const { session, phone } = await open();
    const users = await Promise.all(times(5, () => session.login()));
    const mine = await Promise.all(times(5, () => session.request<Me>(ME)));
    expect(mine.map(({ user }) => user.id)).toEqual(users.map(({ id }) => id));
    expect([phone.count('login'), phone.count(LOGIN), phone.count(GET_ME)]).toEqual([1, 1, 5]);
  });

  test('ten requests before any login wait for one', async () => {
    const { session, phone } = await open();
    await Promise.all(times(10, () => session.request(ME)));
    expect([phone.count('login'), phone.count(LOGIN), phone.count(GET_ME)]).toEqual([1, 1, 10]);
    expect(phone.headers.slice(1).every(({ Authorization }) => Authorization?.startsWith('Bearer '))).toBe(
      true,
    );
  });

  test('outlives a restart', async () => {
    const { session, start, phone } = await open();
    const { id } = await session.login();
    const restarted = start();
    expect(restarted.user?.id).toBe(id);
    expect(await restarted.request<Me>(ME)).toMatchObject({ status: 200, user: { id } });
    expect(phone.count('login')).toBe(1);
  });

  test('is renewed before it is sent when its time is over', async () => {
    const { session, phone, clock } = await open({ JWT_EXPIRES_IN: '1h' });
    const expired = vi.fn();
    session.on('expired', expired);
    await session.login();
    clock.advance(59 * MINUTE);
    await session.request(ME);
    expect(phone.count('login')).toBe(1);
    clock.advance(2 * MINUTE);
    await Promise.all(times(3, () => session.request(ME)));
    expect([phone.count('login'), phone.count(GET_ME), expired.mock.calls.length]).toEqual([2, 4, 1]);
  });

  test('a phone whose clock is wrong by a month logs in no more often', async () => {
    const { session, phone, clock } = await open();
    clock.advance(30 * DAY);
    await session.login();
    await session.request(ME);
    await session.request(ME);
    expect(phone.count('login')).toBe(1);
  });

  test('that fails fails all that wait, and the next call tries again', async () => {
    const { app, session, phone } = await open();
    await fault(app, { endpoint: 'jscode2session', errcode: 40226, calls: 1 });
    const failures = await Promise.all(
      [session.login(), ...times(3, () => session.request(ME))].map(failure),
    );
    for (const { status, code, retry } of failures)
      expect([status, code, retry]).toEqual([403, 'wechat_user_blocked', 'never']);
    expect([phone.count('login'), phone.count(GET_ME)]).toEqual([1, 0]);
    expect(await session.request(ME)).toMatchObject({ status: 200 });
    expect(phone.count('login')).toBe(2);
  });

  test('a code that WeChat refuses is replaced once', async () => {
    const { app, session, phone } = await open();
    await fault(app, { endpoint: 'jscode2session', errcode: 40163, calls: 1 });
    await session.login();
    expect(phone.count('login')).toBe(2);
    await session.logout();
    await fault(app, { endpoint: 'jscode2session', errcode: 40029 });
    expect(await failure(session.login())).toMatchObject({ status: 401, code: 'wechat_code_invalid' });
    expect(phone.count('login')).toBe(4);
  });
});

describe('a token that the server refuses', () => {
  test('of ten requests at once: one login, and one replay each', async () => {
    const { app, session, phone } = await open();
    const [expired, login] = [vi.fn(), vi.fn()];
    session.on('expired', expired);
    session.on('login', login);
    await session.login();
    await endSessions(app);
    const answers = await Promise.all(times(10, () => session.request<Me>(ME)));
    expect(answers.map(({ user }) => user.nickName)).toEqual(times(10, () => 'Ada'));
    expect([phone.count('login'), phone.count(LOGIN), phone.count(GET_ME)]).toEqual([2, 2, 20]);
    expect([expired.mock.calls.length, login.mock.calls.length]).toEqual([1, 2]);
  });

  test('a late refusal of the former token takes the one that is there', async () => {
    const { app, session, phone } = await open();
    await session.login();
    await endSessions(app);
    phone.next(GET_ME, 'late');
    const slow = session.request(ME);
    await until('it was sent', async () => phone.count(GET_ME) === 1);
    await session.request(ME);
    await until('it was answered', async () => {
      phone.deliver();
      return phone.count(GET_ME) === 4;
    });
    expect(await slow).toMatchObject({ status: 200 });
    expect(phone.count('login')).toBe(2);
  });

  test('after the replay too: the caller has it', async () => {
    const { session, phone } = await open();
    await session.login();
    const refusal = {
      statusCode: 401,
      data: { status: 401, code: 'session_ended', retry: 'login', messages: 'x' },
    };
    phone.next(GET_ME, refusal, refusal);
    expect(await failure(session.request(ME))).toMatchObject({
      status: 401,
      code: 'session_ended',
      retry: 'login',
    });
    expect([phone.count('login'), phone.count(GET_ME)]).toEqual([2, 2]);
  });

  test('and WeChat being away at the new login: the caller has that', async () => {
    const { app, session, phone } = await open({}, { retries: 0 });
    await session.login();
    await endSessions(app);
    phone.next(LOGIN, 'fail');
    expect(await failure(session.request(ME))).toMatchObject({
      status: 0,
      code: 'network_failed',
      retry: 'later',
    });
    expect(await session.request(ME)).toMatchObject({ status: 200 });
  });

  test('a POST is replayed as well: it was refused before it did anything', async () => {
    const { app, session, phone } = await open();
    await session.login();
    await endSessions(app);
    const bound = session.request({ url: '/api/wxuser/logout', method: 'POST', data: {} });
    expect(await bound).toMatchObject({ status: 200 });
    expect(phone.count('POST /api/wxuser/logout')).toBe(2);
  });

  test('what one user began is not done in the name of another', async () => {
    const { app, session, phone } = await open();
    await session.login();
    await endSessions(app);
    phone.user = 'Bob';
    const change = session.request({ ...ME, method: 'PUT', data: { nickName: 'Renamed' } });
    expect(await failure(change)).toMatchObject({ status: 401, code: 'session_ended' });
    expect((await session.request<Me>(ME)).user.nickName).not.toBe('Renamed');
    expect((await app.rows()).map(({ nickName }) => nickName)).not.toContain('Renamed');
  });
});

describe('what fails', () => {
  test.each([
    ['a page of a proxy', { statusCode: 502, data: '<html>' }, 502, 'http_502', 'later'],
    ['a refusal of a route of yours', { statusCode: 409, data: {} }, 409, 'http_409', 'never'],
    ['no network', { fails: 'request:fail timeout' }, 0, 'network_failed', 'later'],
  ])('%s is one SessionError', async (_name, way, status, code, retry) => {
    const { session, phone } = await open({}, { retries: 0 });
    await session.login();
    phone.next(GET_ME, way);
    expect(await failure(session.request(ME))).toMatchObject({ status, code, retry });
  });

  test('the server’s refusal has its texts, its requestId and its issues', async () => {
    const { app, session } = await open({}, { language: 'en' });
    const error = await failure(session.request({ ...ME, method: 'PUT', data: { gender: 7 } }));
    expect(error).toMatchObject({ status: 400, code: 'invalid_request', retry: 'never' });
    expect(error.messages).toMatch(/^The request is not valid/);
    expect(error.issues).toMatchObject([{ path: 'gender' }]);
    expect(app.log.some(({ id }) => id === error.requestId)).toBe(true);
  });

  test('a url of another server is refused, and nothing sent', async () => {
    const { session, phone } = await open();
    const url = 'https://other.example.com/api';
    expect(await failure(session.request({ url }))).toMatchObject({ status: 0, code: 'path_expected' });
    const upload = session.upload({ url, filePath: '/x' });
    expect(await failure(upload)).toMatchObject({ status: 0, code: 'path_expected' });
    expect(phone.calls.filter((call) => call.endsWith(' /api'))).toEqual([]);
  });

  test('a token is in no error, though wx quote it', async () => {
    const { session, phone } = await open({}, { retries: 0 });
    await session.login();
    const { token } = stored(phone.storage);
    phone.next(GET_ME, { fails: `request:fail header ${token} and ${token.replace('Bearer ', '')}` });
    const error = await failure(session.request(ME));
    const [, payload = ''] = token.split('.');
    expect(error.reason).toBe('request:fail header … and …');
    expect(JSON.stringify({ ...error, message: error.message, stack: error.stack })).not.toContain(payload);
  });
});

describe('what is to be tried later', () => {
  const away = { statusCode: 503, data: { status: 503, code: 'database_unavailable', retry: 'later' } };

  test('is repeated after 1 s and 2 s, give or take, and then given up', async () => {
    const { session, phone, clock } = await open();
    await session.login();
    phone.next(GET_ME, away, 'fail', away);
    const asked = failure(session.request(ME));
    await clock.elapse(...FIRST);
    await clock.elapse(...SECOND);
    expect(await asked).toMatchObject({ status: 503, code: 'database_unavailable' });
    expect([phone.count(GET_ME), phone.count('login')]).toEqual([3, 1]);
  });

  test('two phones come back at different times', async () => {
    const waits: number[] = [];
    for (const random of [0, 0.99]) {
      vi.spyOn(Math, 'random').mockReturnValue(random);
      const { session, phone, clock } = await open();
      await session.login();
      phone.next(GET_ME, away);
      const asked = session.request(ME);
      await clock.elapse(...FIRST);
      await asked;
      waits.push(...clock.waits);
      vi.restoreAllMocks();
    }
    expect(waits).toEqual([500, 995]);
  });

  test('Retry-After says when, whatever its case', async () => {
    const { session, phone, clock } = await open();
    await session.login();
    phone.next(GET_ME, { ...away, header: { 'ReTrY-aFtEr': '7' } });
    const asked = session.request(ME);
    await clock.elapse(7000, 7500);
    expect(await asked).toMatchObject({ status: 200 });
  });

  test('one that is far away is the caller’s to wait for', async () => {
    const { app, session } = await open({ LOGIN_RATE_LIMIT: '1' });
    await app.login();
    const error = await failure(session.login());
    expect(error).toMatchObject({ status: 429, code: 'too_many_requests', retry: 'later' });
    expect(error.retryAfter).toBeGreaterThan(30);
  });

  test('a POST is not repeated, unless its caller says so', async () => {
    const { session, phone, clock } = await open();
    await session.login();
    const POST = 'POST /api/wxuser/me/phone';
    const post = { url: '/api/wxuser/me/phone', method: 'POST', data: { code: 'x' } } as const;
    phone.next(POST, away, away);
    expect(await failure(session.request(post))).toMatchObject({ status: 503, code: 'database_unavailable' });
    expect(phone.count(POST)).toBe(1);
    const asked = failure(session.request({ ...post, repeat: true }));
    await clock.elapse(...FIRST);
    expect(await asked).toMatchObject({ status: 400, code: 'phone_code_invalid' });
    expect(phone.count(POST)).toBe(3);
  });

  test.each(['PUT', 'DELETE', 'HEAD'] as const)('a %s is repeated', async (method) => {
    const { session, phone, clock } = await open();
    await session.login();
    phone.next(`${method} /api/wxuser/me`, away);
    const asked = session.request({ ...ME, method, ...(method === 'PUT' && { data: { gender: 1 } }) });
    await clock.elapse(...FIRST);
    await asked;
    expect(phone.count(`${method} /api/wxuser/me`)).toBe(2);
  });

  test('a login, with a new code each time', async () => {
    const { session, phone, clock } = await open();
    // The server redeems the code, and its answer is lost.
    phone.next(LOGIN, 'never', 'fail');
    const asked = session.login();
    await clock.elapse(REQUEST_MS);
    await clock.elapse(...FIRST);
    await clock.elapse(...SECOND);
    expect(await asked).toMatchObject({ nickName: null });
    expect([phone.count('login'), phone.count(LOGIN)]).toEqual([3, 3]);
  });

  test('a login that a request needs is not repeated for each of its own attempts', async () => {
    const { session, phone, clock } = await open();
    phone.next(LOGIN, 'fail', 'fail', 'fail');
    const asked = failure(session.request(ME));
    await clock.elapse(...FIRST);
    await clock.elapse(...SECOND);
    expect(await asked).toMatchObject({ status: 0, code: 'network_failed' });
    expect(phone.count(LOGIN)).toBe(3);
  });

  test('what is never to be tried is not', async () => {
    const { session, phone } = await open();
    expect(await failure(session.request({ url: '/nowhere' }))).toMatchObject({
      status: 404,
      code: 'not_found',
    });
    expect(phone.count('GET /nowhere')).toBe(1);
  });
});

describe('a callback of wx', () => {
  test('that comes twice counts once', async () => {
    const { session, phone } = await open();
    const login = vi.fn();
    session.on('login', login);
    for (const call of ['login', LOGIN, GET_ME]) phone.next(call, 'twice');
    expect(await session.request(ME)).toMatchObject({ status: 200 });
    expect([phone.calls, login.mock.calls.length]).toEqual([['login', LOGIN, GET_ME], 1]);
  });

  test.each(['login', GET_ME])('that never comes (%s) is a time-out, and another attempt', async (call) => {
    const { session, phone, clock } = await open();
    phone.next(call, 'never');
    const asked = session.request(ME);
    // The login before it has a time-out of the same length.
    await until('it is called', async () => phone.count(call) === 1);
    await clock.elapse(call === 'login' ? WX_LOGIN_MS : REQUEST_MS);
    await clock.elapse(...FIRST);
    expect(await asked).toMatchObject({ status: 200 });
    expect([phone.count(call), phone.aborted]).toEqual([2, [call]]);
  });

  test('that never comes to a POST is the caller’s', async () => {
    const { session, phone, clock } = await open();
    await session.login();
    phone.next('POST /api/wxuser/me/phone', 'never');
    const asked = session.request({ url: '/api/wxuser/me/phone', method: 'POST', data: {}, timeoutMs: 5000 });
    const failed = failure(asked);
    await clock.elapse(7000);
    expect(await failed).toMatchObject({ status: 0, code: 'timed_out', retry: 'later' });
  });

  test('that comes late changes nothing', async () => {
    const { session, phone, clock } = await open({}, { retries: 0 });
    phone.next(LOGIN, 'late');
    const asked = failure(session.login());
    await clock.elapse(REQUEST_MS);
    expect(await asked).toMatchObject({ status: 0, code: 'timed_out' });
    phone.user = 'Bob';
    const { id } = await session.login();
    const kept = stored(phone.storage);
    phone.deliver();
    await session.request(ME);
    expect([session.user?.id, stored(phone.storage)]).toEqual([id, kept]);
  });

  test('throwing instead is a failure as well', async () => {
    const { session, phone } = await open({}, { retries: 0 });
    phone.login = () => {
      throw new TypeError('login is broken');
    };
    const error = await failure(session.request(ME));
    expect(error).toMatchObject({ status: 0, code: 'login_failed', reason: 'login is broken' });
  });
});

describe('the tap on a login button', () => {
  /** A wx.login after the profile changes the key, and strict mode then refuses the profile. */
  const strict = async () => {
    const opened = await open({ WX_PROFILE_STRICT: 'true' });
    const settings = await opened.app.call('PUT', '/sandbox/control/settings', { rotateAtLogin: true });
    expect(settings.status).toBe(200);
    return opened;
  };

  test('uses the code of the page’s load: wx.login, then getUserProfile, then the POST', async () => {
    const { session, phone } = await strict();
    await session.prepareProfileLogin();
    expect(await session.loginWithProfile('for your profile')).toMatchObject({ nickName: 'Ada' });
    expect(phone.calls).toEqual(['login', 'getUserProfile', LOGIN]);
  });

  test('calls getUserProfile in the tap itself, prepared or not', async () => {
    const { session, phone } = await strict();
    const login = session.loginWithProfile('for your profile');
    expect(phone.calls).toEqual(['login', 'getUserProfile']);
    expect(await login).toMatchObject({ nickName: 'Ada' });
    expect(phone.calls).toEqual(['login', 'getUserProfile', LOGIN]);
  });

  test('a code is used once, and not when it is old', async () => {
    const { session, phone, clock } = await strict();
    await session.prepareProfileLogin();
    await session.prepareProfileLogin();
    expect(phone.count('login')).toBe(1);
    await session.loginWithProfile('for your profile');
    await session.loginWithProfile('for your profile');
    expect(phone.count('login')).toBe(2);
    await session.prepareProfileLogin();
    clock.advance(4.6 * MINUTE);
    await session.loginWithProfile('for your profile');
    expect(phone.calls.slice(-4)).toEqual(['login', 'login', 'getUserProfile', LOGIN]);
  });

  test('gets its own code when there was none to be had before', async () => {
    const { session, phone } = await strict();
    phone.next('login', 'fail');
    await session.prepareProfileLogin();
    expect(await session.loginWithProfile('for your profile')).toMatchObject({ nickName: 'Ada' });
    expect(phone.calls).toEqual(['login', 'login', 'getUserProfile', LOGIN]);
  });

  test('that is cancelled is told apart, and its code kept for the next one', async () => {
    const { session, phone } = await strict();
    await session.prepareProfileLogin();
    phone.next(
      'getUserProfile',
      { fails: 'getUserProfile:fail auth deny' },
      { fails: 'getUserProfile:fail x' },
    );
    const login = () => session.loginWithProfile('for your profile');
    expect(await failure(login())).toMatchObject({ status: 0, code: 'profile_denied', retry: 'never' });
    expect(await failure(login())).toMatchObject({ status: 0, code: 'profile_failed', retry: 'never' });
    expect(await login()).toMatchObject({ nickName: 'Ada' });
    expect(phone.count('login')).toBe(1);
  });

  test('during a login waits for it: one POST at a time, and the profile is what stays', async () => {
    const { app, session, phone } = await open();
    phone.next(LOGIN, 'late');
    const load = session.login();
    await until('it was sent', async () => phone.count(LOGIN) === 1);
    const login = session.loginWithProfile('for your profile');
    await until('all is there', async () => phone.answered.length === 3);
    await app.call('GET', '/healthz');
    expect(phone.calls).toEqual(['login', LOGIN, 'login', 'getUserProfile']);
    await until('it was answered', async () => {
      phone.deliver();
      return phone.count(LOGIN) === 2;
    });
    expect([await load, await login]).toMatchObject([{ nickName: null }, { nickName: 'Ada' }]);
    expect(session.user).toMatchObject({ nickName: 'Ada' });
  });

  test('its code may be spent when the answer is lost: the next attempt has another', async () => {
    const { session, phone, clock } = await open();
    await session.prepareProfileLogin();
    phone.next(LOGIN, 'never');
    const login = session.loginWithProfile('for your profile');
    await clock.elapse(REQUEST_MS);
    await clock.elapse(...FIRST);
    expect(await login).toMatchObject({ nickName: 'Ada' });
    expect(phone.calls).toEqual(['login', 'getUserProfile', LOGIN, 'login', LOGIN]);
  });

  test('a profile that the server refuses is refused: another code would not mend it', async () => {
    const { session, phone } = await strict();
    const [encryptedData, iv] = ['AAAA', 'AAAAAAAAAAAAAAAAAAAAAA=='];
    phone.getUserProfile = ({ success }) =>
      success({ encryptedData, iv, rawData: '{}', signature: 'x'.repeat(40) });
    const login = session.loginWithProfile('for your profile');
    expect(await failure(login)).toMatchObject({ status: 400, code: 'profile_rejected', retry: 'login' });
    expect(phone.calls).toEqual(['login', LOGIN]);
  });

  test('twice is one', async () => {
    const { session, phone } = await strict();
    const [one, two] = await Promise.all(times(2, () => session.loginWithProfile('for your profile')));
    expect(one).toEqual(two);
    expect(phone.calls).toEqual(['login', 'getUserProfile', LOGIN]);
  });

  test('after a login on load, and one in between: the code is of the last wx.login', async () => {
    const { app, session, phone } = await strict();
    const load = session.login();
    await session.prepareProfileLogin();
    await load;
    expect(phone.calls).toEqual(['login', LOGIN, 'login']);
    await endSessions(app);
    await session.request(ME);
    await until('a newer code is there', async () => phone.count('login') === 4);
    expect(await session.loginWithProfile('for your profile')).toMatchObject({ nickName: 'Ada' });
    expect(phone.calls.slice(-2)).toEqual(['getUserProfile', LOGIN]);
  });

  test('while it asks the user, no other wx.login changes the key', async () => {
    const { session, phone } = await strict();
    await session.prepareProfileLogin();
    phone.next('getUserProfile', 'late');
    const login = session.loginWithProfile('for your profile');
    const asked = session.request<Me>(ME);
    await until('he has allowed it', async () => {
      phone.deliver();
      return phone.count(LOGIN) === 1;
    });
    expect(await login).toMatchObject({ nickName: 'Ada' });
    expect(await asked).toMatchObject({ user: { nickName: 'Ada' } });
    expect(phone.calls).toEqual(['login', 'getUserProfile', LOGIN, GET_ME]);
  });

  test('a request that waits for a tap that is cancelled logs in by itself', async () => {
    const { session, phone } = await strict();
    phone.next('getUserProfile', { fails: 'getUserProfile:fail auth deny' });
    const login = failure(session.loginWithProfile('for your profile'));
    expect(await session.request(ME)).toMatchObject({ status: 200 });
    expect(await login).toMatchObject({ status: 0, code: 'profile_denied' });
  });

  test('a phone without getUserProfile', async () => {
    const { session, phone } = await open();
    delete phone.getUserProfile;
    const login = session.loginWithProfile('for your profile');
    expect(await failure(login)).toMatchObject({ status: 0, code: 'profile_failed' });
  });
});

describe('logout', () => {
  test('ends the session on the server, and nothing logs in unasked, after a restart neither', async () => {
    const { app, session, start, phone } = await open();
    const logout = vi.fn();
    session.on('logout', logout);
    await session.login();
    const { token } = stored(phone.storage);
    expect(await session.logout()).toBe(true);
    const answer = await app.call('GET', '/api/wxuser/me', undefined, { Authorization: token });
    expect([answer.status, answer.body.code]).toEqual([401, 'session_ended']);
    expect(JSON.stringify([...phone.storage])).not.toContain(token);
    for (const each of [session, start()]) {
      expect(each.user).toBeUndefined();
      expect(await failure(each.request(ME))).toMatchObject({
        status: 0,
        code: 'logged_out',
        retry: 'never',
      });
    }
    expect([phone.count('login'), logout.mock.calls.length]).toEqual([1, 1]);
    await session.login();
    expect(await session.request(ME)).toMatchObject({ status: 200 });
  });

  test('of all my devices', async () => {
    const { app, session } = await open();
    const other = (await app.login()).body.token;
    await session.login();
    expect(await session.logout({ all: true })).toBe(true);
    const answer = await app.call('GET', '/api/wxuser/me', undefined, { Authorization: other });
    expect([answer.status, answer.body.code]).toEqual([401, 'session_ended']);
  });

  test('of all my devices, where this one was ended before: the others are ended too', async () => {
    const { app, session } = await open();
    await session.login();
    await endSessions(app);
    const other = (await app.login()).body.token;
    expect(await session.logout({ all: true })).toBe(true);
    const answer = await app.call('GET', '/api/wxuser/me', undefined, { Authorization: other });
    expect([answer.status, answer.body.code, session.user]).toEqual([401, 'session_ended', undefined]);
  });

  test('of all my devices, where the server cannot be reached: nothing changes, and it can be tried again', async () => {
    const { session, phone } = await open({}, { retries: 0 });
    await session.login();
    phone.next('POST /api/wxuser/logout', 'fail');
    expect(await failure(session.logout({ all: true }))).toMatchObject({ status: 0, code: 'network_failed' });
    expect(await session.request(ME)).toMatchObject({ status: 200 });
    expect(await session.logout({ all: true })).toBe(true);
    expect(phone.count('login')).toBe(1);
  });

  test('forgets the token at once, and though the server cannot be reached', async () => {
    const { session, phone } = await open({}, { retries: 0 });
    await session.login();
    phone.next('POST /api/wxuser/logout', 'fail');
    const out = session.logout();
    expect([session.user, [...phone.storage.values()]]).toEqual([undefined, ['out']]);
    expect(await out).toBe(false);
  });

  test('of a session that is over already has done its work', async () => {
    const { app, session } = await open();
    await session.login();
    await endSessions(app);
    expect(await session.logout()).toBe(true);
  });

  test('during a login: who waits is told, and the session of its late answer is ended', async () => {
    const { app, session, phone } = await open();
    phone.next(LOGIN, 'late');
    const asked = failure(session.request(ME));
    await until('it was sent', async () => phone.count(LOGIN) === 1);
    await session.logout();
    await until('its session is ended', async () => {
      phone.deliver();
      return app.log.some(({ path, status }) => path === '/api/wxuser/logout' && status === 200);
    });
    expect(await asked).toMatchObject({ status: 0, code: 'logged_out' });
    expect([session.user, [...phone.storage.values()]]).toEqual([undefined, ['out']]);
  });

  test('before the code is there: it is not sent', async () => {
    const { session, phone } = await open();
    phone.next('login', 'late');
    const asked = session.login();
    const told = failure(asked);
    await until('it was asked for', async () => phone.count('login') === 1);
    await session.logout();
    let ended = false;
    void told.then(() => {
      ended = true;
    });
    await until('the code is there', async () => {
      phone.deliver();
      return ended;
    });
    expect(await told).toMatchObject({ status: 0, code: 'logged_out' });
    expect(phone.calls).toEqual(['login']);
  });

  test('and another user: what the first one had begun is not repeated', async () => {
    const { session, phone, clock } = await open();
    const ada = await session.login();
    phone.next(GET_ME, 'fail');
    const asked = failure(session.request(ME));
    await until('it was sent', async () => phone.count(GET_ME) === 1);
    await session.logout();
    phone.user = 'Bob';
    const bob = await session.login();
    await clock.elapse(...FIRST);
    expect(await asked).toMatchObject({ status: 0, code: 'logged_out' });
    expect([bob.id === ada.id, phone.count(GET_ME)]).toEqual([false, 1]);
    expect(await session.request<Me>(ME)).toMatchObject({ user: { id: bob.id } });
  });
});

describe('an upload', () => {
  const file = async () => {
    const path = join(mkdtempSync(join(inject('folder'), 'phone-')), 'tmp.jpg');
    writeFileSync(path, await jpeg(1));
    return path;
  };

  test('waits for the login, and is sent again after a new one', async () => {
    const { app, session, phone } = await open();
    const picture = { url: '/api/wxuser/me/avatar', filePath: await file() };
    const { user } = await session.upload<{ user: { avatar: string } }>(picture);
    expect(user.avatar).toMatch(/\/avatars\/\w+\.jpg$/);
    await endSessions(app);
    expect(await session.upload(picture)).toMatchObject({ status: 200 });
    expect([phone.count('login'), phone.count('upload /api/wxuser/me/avatar')]).toEqual([2, 3]);
  });

  test('that fails is a SessionError, and repeated only where its caller says so', async () => {
    const { session, phone, clock } = await open();
    const picture = { url: '/api/wxuser/me/avatar', filePath: await file() };
    const UPLOAD = 'upload /api/wxuser/me/avatar';
    expect(await failure(session.upload({ ...picture, name: '' }))).toMatchObject({
      code: 'invalid_request',
    });
    phone.next(UPLOAD, 'fail', 'fail');
    expect(await failure(session.upload(picture))).toMatchObject({ status: 0, code: 'network_failed' });
    expect(phone.count(UPLOAD)).toBe(2);
    const asked = session.upload({ ...picture, repeat: true });
    await clock.elapse(...FIRST);
    expect(await asked).toMatchObject({ status: 200 });
  });
});

describe('a storage', () => {
  const full = () => {
    throw new Error('setStorageSync:fail the storage is full');
  };

  test('that is full costs nothing but a login after a restart, and keeps no former token', async () => {
    const { app, session, start, phone } = await open();
    await session.login();
    phone.setStorageSync = full;
    await endSessions(app);
    await session.request(ME);
    await session.request(ME);
    expect([phone.count('login'), phone.storage.size]).toEqual([2, 0]);
    expect(await start().request(ME)).toMatchObject({ status: 200 });
    expect(phone.count('login')).toBe(3);
  });

  test('that is full when one logs out has no token left', async () => {
    const { session, phone } = await open();
    await session.login();
    phone.setStorageSync = full;
    expect(await session.logout()).toBe(true);
    expect(phone.storage.size).toBe(0);
  });

  test('that is broken altogether', async () => {
    const { session, start, phone } = await open();
    phone.getStorageSync = phone.setStorageSync = phone.removeStorageSync = full;
    expect(await start().request(ME)).toMatchObject({ status: 200 });
    expect(await session.request(ME)).toMatchObject({ status: 200 });
    expect(await session.logout()).toBe(true);
    expect(await failure(session.request(ME))).toMatchObject({ status: 0, code: 'logged_out' });
  });

  test.each([[''], ['text'], [{}], [{ token: 1, goodUntil: 2, user: {} }], [null]])(
    'that holds %j has no login',
    async (value) => {
      const { start, phone } = await open();
      const strange = start({ platform: { ...phone, getStorageSync: () => value } });
      expect(strange.user).toBeUndefined();
      expect(await strange.request(ME)).toMatchObject({ status: 200 });
      expect(phone.count('login')).toBe(1);
    },
  );

  test('a token is kept for its own server only', async () => {
    const { session, start } = await open();
    await session.login();
    expect(start({ baseUrl: 'https://other.example.com' }).user).toBeUndefined();
  });
});

test('a listener is called until it has enough, and one that throws harms nobody', async () => {
  const { session } = await open();
  const [login, left, unhandled] = [vi.fn(), vi.fn(), vi.fn()];
  const others = process.listeners('unhandledRejection');
  process.removeAllListeners('unhandledRejection').on('unhandledRejection', unhandled);
  onTestFinished(() => {
    process.removeAllListeners('unhandledRejection');
    for (const other of others) process.on('unhandledRejection', other);
  });
  session.on('login', () => {
    throw new Error('a page is gone');
  });
  session.on('login', login);
  session.on('login', left)();
  expect(await session.request(ME)).toMatchObject({ status: 200 });
  expect(login.mock.calls).toMatchObject([[{ isNew: true, user: { nickName: null } }]]);
  expect(JSON.stringify(login.mock.calls)).not.toContain('token');
  expect([left.mock.calls.length, unhandled.mock.calls.length]).toEqual([0, 1]);
});

test('Taro’s promises, which fail with nobody to hear them, are heard', async () => {
  const { start, phone } = await open({}, { retries: 0 });
  const request: typeof phone.request = ({ fail }) => {
    fail({ errMsg: 'request:fail' });
    return Promise.reject(new Error('request:fail'));
  };
  const session = start({ platform: { ...phone, request } });
  expect(await failure(session.request(ME))).toMatchObject({ status: 0, code: 'network_failed' });
});

test('README’s page works as pasted, with the global wx', async () => {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
  const section = readme.split('## In your mini program')[1] ?? '';
  const [make = '', page = ''] = [...section.matchAll(/```ts\n([\s\S]*?)```/g)].map(
    (match) => match[1] ?? '',
  );
  const { app, phone } = await open();
  vi.stubGlobal('wx', phone);
  onTestFinished(() => void vi.unstubAllGlobals());
  const here = make
    .replace(/^import .*$/m, '')
    .replace('export ', '')
    .replace('https://login.example.com', app.url);
  const shown: unknown[] = [];
  const run = new Function('createSession', 'Page', here + page);
  let methods = {
    setData: (data: unknown) => void shown.push(data),
    onLoad: async () => {},
    onLogin: async () => {},
  };
  run(createSession, (given: object) => {
    methods = { ...methods, ...given };
  });
  await methods.onLoad();
  await methods.onLogin();
  expect(shown).toMatchObject([{ user: { nickName: null } }, { user: { nickName: 'Ada' } }]);
  expect(phone.calls).toEqual(['login', LOGIN, GET_ME, 'login', 'getUserProfile', LOGIN]);
});

test('weapp-login/client is the same, and imports nothing of the server', async () => {
  const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  const { types, default: main } = manifest.exports['./client'];
  expect(readFileSync(new URL(`../${types}`, import.meta.url), 'utf8')).toContain('createSession');
  const { app, phone, clock } = await open();
  const built = await import(new URL(`../${main}`, import.meta.url).href);
  const session = built.createSession({ baseUrl: `${app.url}/`, platform: phone, clock });
  expect(await session.request(ME)).toMatchObject({ status: 200 });

  const seen = new Set<string>();
  const follow = (url: URL): void => {
    if (seen.has(url.href)) return;
    seen.add(url.href);
    for (const [, from = ''] of readFileSync(url, 'utf8').matchAll(/from '([^']+)'/g)) {
      expect(from).toMatch(/^\.\/[\w-]+\.js$/);
      follow(new URL(from, url));
    }
  };
  follow(new URL(`../${main}`, import.meta.url));
  expect(seen.size).toBeGreaterThan(5);
});

describe('a logout', () => {
  test('while the user reads the dialog of a tap: the tap is told, and nothing is sent', async () => {
    const { session, phone } = await open();
    phone.next('getUserProfile', 'late');
    const login = failure(session.loginWithProfile('for your profile'));
    await session.logout();
    let ended = false;
    void login.then(() => {
      ended = true;
    });
    await until('he has allowed it', async () => {
      phone.deliver();
      return ended;
    });
    expect(await login).toMatchObject({ status: 0, code: 'logged_out' });
    expect(phone.calls).toEqual(['login', 'getUserProfile']);
    expect(await failure(session.request(ME))).toMatchObject({ code: 'logged_out' });
  });

  test('and a login while the former one is still under way: the new one is for all, and stays', async () => {
    const { session, phone, clock } = await open();
    phone.next(LOGIN, 'late');
    const former = failure(session.login());
    await until('it was sent', async () => phone.count(LOGIN) === 1);
    await session.logout();
    phone.user = 'Bob';
    phone.next('login', 'never');
    const login = session.login();
    let ended = false;
    void former.then(() => {
      ended = true;
    });
    await until('the former is answered', async () => {
      phone.deliver();
      return ended;
    });
    const asked = session.request<Me>(ME);
    await clock.elapse(WX_LOGIN_MS);
    await clock.elapse(...FIRST);
    const { id } = await login;
    expect([(await asked).user.id, session.user?.id]).toEqual([id, id]);
    expect([phone.count('login'), phone.count(LOGIN)]).toEqual([3, 2]);
    expect(await former).toMatchObject({ status: 0, code: 'logged_out' });
  });
});

describe('erasing the account', () => {
  const DELETE_ME = 'DELETE /api/wxuser/me';

  test('leaves no row, and nobody logs in unasked', async () => {
    const { app, session, phone } = await open();
    await session.login();
    await session.erase();
    expect([await app.rows(), session.user]).toEqual([[], undefined]);
    expect(await failure(session.request(ME))).toMatchObject({ status: 0, code: 'logged_out' });
    expect(phone.calls).toEqual(['login', LOGIN, DELETE_ME]);
  });

  test('whose answer is lost makes no new account', async () => {
    const { app, session, phone, clock } = await open();
    await session.login();
    phone.next(DELETE_ME, 'never');
    const told = failure(session.erase());
    await clock.elapse(REQUEST_MS);
    await clock.elapse(...FIRST);
    expect(await told).toMatchObject({ status: 401, code: 'session_ended' });
    expect([await app.rows(), session.user, phone.count('login')]).toEqual([[], undefined, 1]);
  });

  test('that cannot reach the server changes nothing, and can be tried again', async () => {
    const { app, session, phone } = await open({}, { retries: 0 });
    await session.login();
    phone.next(DELETE_ME, 'fail');
    expect(await failure(session.erase())).toMatchObject({ status: 0, code: 'network_failed' });
    expect([(await app.rows()).length, session.user?.id]).toEqual([1, 1]);
    await session.erase();
    expect(await app.rows()).toEqual([]);
  });
});

test('an answer of somebody on the way, whatever its form, is a SessionError with all its parts', async () => {
  const { session, phone } = await open();
  await session.login();
  const body = { code: 'proxy', retry: 'perhaps', issues: null, messages: 7 };
  phone.next(GET_ME, { statusCode: 418, data: body });
  expect(await failure(session.request(ME))).toMatchObject({
    status: 418,
    code: 'proxy',
    retry: 'never',
    issues: [],
    messages: '7',
  });
});

test('a wx.login that fails late takes no newer code away from the tap', async () => {
  const { session, phone, clock } = await open();
  phone.next('login', 'never');
  const prepared = session.prepareProfileLogin();
  await until('it was asked for', async () => phone.count('login') === 1);
  clock.advance(5 * MINUTE);
  await session.prepareProfileLogin();
  await clock.elapse(WX_LOGIN_MS);
  await prepared;
  await session.loginWithProfile('for your profile');
  expect(phone.count('login')).toBe(2);
});

test('a value that is undefined is as one that is not given', async () => {
  const { session, phone } = await open();
  const given = { ...ME, method: undefined, data: undefined, header: undefined, timeoutMs: undefined };
  expect(await session.request(given as unknown as typeof ME)).toMatchObject({ status: 200 });
  expect(phone.calls).toEqual(['login', LOGIN, GET_ME]);
});
