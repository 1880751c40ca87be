import { describe, expect, test } from 'vitest';
import { MINUTE, openSandbox, type TestSandbox } from './support/sandbox.ts';

const FORM = /^\d\d_[\w-]{136,157}$/;

/** What an access_token is good for now: 0, or an errcode. */
async function standing(sandbox: TestSandbox, token: string): Promise<number> {
  const path = `/wxa/business/getuserphonenumber?access_token=${token}`;
  const { code } = sandbox.wx.getPhoneNumber('Ada');
  return (await sandbox.ask('POST', path, { code })).body.errcode;
}

const classicToken = async ({ ask, appid, secret }: TestSandbox, changes: Record<string, string> = {}) => {
  const query = { grant_type: 'client_credential', appid, secret, ...changes };
  return (await ask('GET', `/cgi-bin/token?${new URLSearchParams(query)}`)).body;
};

describe('§5: stable_token', () => {
  test('normal mode gives the same token, with what is left of its time', async () => {
    const sandbox = await openSandbox();
    const first = await sandbox.stableToken({ force_refresh: false });
    expect(first).toEqual({ access_token: expect.stringMatching(FORM), expires_in: 7200 });
    sandbox.advance(100 * MINUTE);
    expect(await sandbox.stableToken()).toEqual({ ...first, expires_in: 1200 });
  });

  test('in the last five minutes it gives a new one, and both are valid for five minutes', async () => {
    const sandbox = await openSandbox();
    const old = await sandbox.accessToken();
    sandbox.advance(115 * MINUTE - 1);
    expect(await sandbox.accessToken()).toBe(old);
    sandbox.advance(4 * MINUTE);
    const fresh = await sandbox.stableToken();
    expect(fresh).toEqual({ access_token: expect.stringMatching(FORM), expires_in: 7200 });
    expect(fresh.access_token).not.toBe(old);
    sandbox.advance(5 * MINUTE - 1);
    expect([await standing(sandbox, old), await standing(sandbox, fresh.access_token)]).toEqual([0, 0]);
    sandbox.advance(1);
    expect([await standing(sandbox, old), await standing(sandbox, fresh.access_token)]).toEqual([40001, 0]);
  });

  test('force_refresh ends the old one at once, and one that overlapped with it', async () => {
    const sandbox = await openSandbox();
    const oldest = await sandbox.accessToken();
    sandbox.advance(116 * MINUTE);
    const old = await sandbox.accessToken();
    const { access_token: fresh } = await sandbox.stableToken({ force_refresh: true });
    expect(await Promise.all([oldest, old, fresh].map((token) => standing(sandbox, token)))).toEqual([
      40001, 40001, 0,
    ]);
  });

  test('force_refresh works 30 s apart (45011 is our choice) and 20 times a day (45009, Beijing’s day: our choice)', async () => {
    const sandbox = await openSandbox(); // noon in Beijing
    const force = async () => (await sandbox.stableToken({ force_refresh: true })).errcode;
    expect(await force()).toBeUndefined();
    sandbox.advance(29_999);
    expect(await force()).toBe(45011);
    sandbox.advance(1);
    for (let i = 2; i <= 20; i++) {
      expect(await force()).toBeUndefined();
      sandbox.advance(30_000);
    }
    expect(await force()).toBe(45009);
    expect((await sandbox.stableToken()).access_token).toMatch(FORM);
    sandbox.advance(12 * 60 * MINUTE);
    expect(await force()).toBeUndefined();
  });

  test('our choices: what is no JSON is 47001 under any content type, nothing is 44002, GET is 43002', async () => {
    const sandbox = await openSandbox();
    const { appid, secret } = sandbox;
    const call = async (method: string, body?: string, type = 'application/json') =>
      (await sandbox.ask(method, '/cgi-bin/stable_token', body, { 'Content-Type': type })).body;
    const json = JSON.stringify({ grant_type: 'client_credential', appid, secret });
    expect((await call('POST', json, 'application/x-www-form-urlencoded')).access_token).toMatch(FORM);
    expect((await call('POST', json, 'text/plain')).access_token).toMatch(FORM);
    expect((await call('POST', `appid=${appid}`)).errcode).toBe(47001);
    expect((await call('POST', '[1]')).errcode).toBe(47001);
    expect((await call('POST', json.replace('}', ',"force_refresh":"yes"}'))).errcode).toBe(47001);
    expect((await call('POST', '')).errcode).toBe(44002);
    expect(await call('GET')).toMatchObject({
      errcode: 43002,
      errmsg: expect.stringMatching(/^require POST/),
    });
  });

  test('answers application/json, as the other token endpoint and the phone one do', async () => {
    const sandbox = await openSandbox();
    for (const [method, path] of [
      ['POST', '/cgi-bin/stable_token'],
      ['GET', '/cgi-bin/token'],
      ['POST', '/wxa/business/getuserphonenumber'],
    ] as const) {
      const { status, headers } = await sandbox.ask(method, path);
      expect([status, headers.get('content-type')]).toEqual([
        200,
        expect.stringMatching(/^application\/json/),
      ]);
    }
  });
});

describe('§5: token', () => {
  test('every fetch ends the one before, five minutes later', async () => {
    const sandbox = await openSandbox();
    const { access_token: first, expires_in } = await classicToken(sandbox);
    const { access_token: second } = await classicToken(sandbox);
    expect([first, expires_in]).toEqual([expect.stringMatching(FORM), 7200]);
    expect(second).not.toBe(first);
    sandbox.advance(5 * MINUTE - 1);
    expect(await standing(sandbox, first)).toBe(0);
    sandbox.advance(1);
    expect([await standing(sandbox, first), await standing(sandbox, second)]).toEqual([40001, 0]);
  });

  test('knows nothing of the stable one', async () => {
    const sandbox = await openSandbox();
    const stable = await sandbox.accessToken();
    const { access_token: classic } = await classicToken(sandbox);
    await sandbox.stableToken({ force_refresh: true });
    sandbox.advance(6 * MINUTE);
    expect([await standing(sandbox, stable), await standing(sandbox, classic)]).toEqual([40001, 0]);
  });
});

describe('§5: refusals of both token endpoints', () => {
  const wrong: [string, Record<string, string>, number, RegExp][] = [
    ['no appid', { appid: '' }, 41002, /^appid missing rid/],
    ['no secret', { secret: '' }, 41004, /^appsecret missing, rid/],
    ['an appid nobody has', { appid: 'wx0000000000000000' }, 40013, /^invalid appid rid/],
    ['another secret', { secret: 'ab'.repeat(16) }, 40125, /^invalid appsecret, rid/],
    ['another grant_type (our choice)', { grant_type: 'x' }, 40002, /^invalid grant_type rid/],
  ];
  test.each(wrong)('%s', async (_name, changes, errcode, errmsg) => {
    const sandbox = await openSandbox();
    const refusal = { errcode, errmsg: expect.stringMatching(errmsg) };
    expect(await sandbox.stableToken(changes)).toEqual(refusal);
    expect(await classicToken(sandbox, changes)).toEqual(refusal);
  });

  test('40164: an address that is not in the whitelist', async () => {
    const sandbox = await openSandbox();
    const set = (ipWhitelist: string[]) =>
      sandbox.ask('PUT', `/control/apps/${sandbox.appid}`, { ipWhitelist });
    await set(['203.0.113.7']);
    expect(await classicToken(sandbox)).toEqual({
      errcode: 40164,
      errmsg: expect.stringMatching(
        /^invalid ip 127\.0\.0\.1 ipv6 ::ffff:127\.0\.0\.1, not in whitelist rid: /,
      ),
    });
    expect((await sandbox.stableToken()).errcode).toBe(40164);
    expect((await sandbox.session(sandbox.wx.login('Ada').code)).openid).toBeDefined(); // asks for no whitelist
    await set(['203.0.113.7', '127.0.0.1']);
    expect((await sandbox.stableToken()).access_token).toMatch(FORM);
  });

  test('40243: a frozen secret; our choice: code2Session refuses it too, an access_token lives on', async () => {
    const sandbox = await openSandbox();
    const token = await sandbox.accessToken();
    await sandbox.ask('PUT', `/control/apps/${sandbox.appid}`, { secretFrozen: true });
    expect((await sandbox.stableToken()).errcode).toBe(40243);
    expect((await classicToken(sandbox)).errcode).toBe(40243);
    expect((await sandbox.session(sandbox.wx.login('Ada').code)).errcode).toBe(40243);
    expect(await standing(sandbox, token)).toBe(0);
  });

  test.each([
    [-1, /^system error/],
    [45009, /^reach max api daily quota limit rid/],
    [45011, /^api minute-quota reach limit mustslower retry next minute rid/],
  ])('%i on demand, with its text', async (errcode, errmsg) => {
    const sandbox = await openSandbox();
    sandbox.fail('stable_token', { errcode, calls: 1 });
    expect(await sandbox.stableToken()).toEqual({ errcode, errmsg: expect.stringMatching(errmsg) });
    expect((await sandbox.stableToken()).access_token).toMatch(FORM);
  });
});

describe('§5: an access_token that is not good', () => {
  test.each([
    ['41001: none', '', 41001, /^access_token missing rid/],
    ['40014: no token at all (our choice what that is)', 'nonsense', 40014, /^invalid access_token rid/],
    [
      '40001: nobody’s',
      `12_${'a'.repeat(140)}`,
      40001,
      /^invalid credential, access_token is invalid or not latest,.* rid/,
    ],
  ] as const)('%s', async (_name, token, errcode, errmsg) => {
    const sandbox = await openSandbox();
    for (const [method, path] of [
      ['POST', '/wxa/business/getuserphonenumber'],
      ['GET', '/wxa/checksession'],
      ['GET', '/wxa/resetusersessionkey'],
      ['POST', '/wxa/msg_sec_check'],
      ['POST', '/wxa/media_check_async'],
    ] as const) {
      const query = token === '' ? '' : `?access_token=${token}`;
      const body = method === 'POST' ? { access_token: await sandbox.accessToken() } : undefined; // the body does not count
      expect((await sandbox.ask(method, path + query, body)).body).toEqual({
        errcode,
        errmsg: expect.stringMatching(errmsg),
      });
    }
  });

  test('42001: its two hours are over', async () => {
    const sandbox = await openSandbox();
    const token = await sandbox.accessToken();
    sandbox.advance(120 * MINUTE - 1);
    expect(await standing(sandbox, token)).toBe(0);
    sandbox.advance(1);
    const { body } = await sandbox.ask('GET', `/wxa/checksession?access_token=${token}`);
    expect(body).toEqual({ errcode: 42001, errmsg: expect.stringMatching(/^access_token expired rid/) });
  });

  test('40001: all were ended by the control API', async () => {
    const sandbox = await openSandbox();
    const token = await sandbox.accessToken();
    await sandbox.ask('DELETE', '/control/tokens');
    expect(await standing(sandbox, token)).toBe(40001);
    expect(await standing(sandbox, await sandbox.accessToken())).toBe(0);
  });
});
