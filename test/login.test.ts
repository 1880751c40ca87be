import jwt from 'jsonwebtoken';
import { beforeEach, describe, expect, test } from 'vitest';
import { toColumn } from '../src/db/schema.ts';
import vectors from './fixtures/wechat-vectors.json' with { type: 'json' };
import { APPID, realSettings, startApp, type TestApp } from './support/app.ts';
import { engines, type FreshDatabase } from './support/engines.ts';
import { json, SESSION, startStandIn } from './support/wechat.ts';

const form = (fields: Record<string, string>) => new URLSearchParams(fields).toString();
const FORM = { 'Content-Type': 'application/x-www-form-urlencoded' };

describe.each(engines)('the login button, on $name', ({ fresh }) => {
  let database: FreshDatabase;
  let app: TestApp;

  beforeEach(async () => {
    database = await fresh();
    app = await startApp({ database, env: { SESSION_LIMIT: '50' } });
    return () => app.close().then(database.drop);
  });

  test('a first login makes the row and answers with the tutorial’s fields and ours', async () => {
    const { status, body } = await app.login({ user: 'Ada', gender: 2 });

    expect(status).toBe(200);
    expect(body).toMatchObject({ status: 200, messages: 'WX 授权成功', isNew: true });
    expect(body.token).toMatch(/^Bearer eyJ/);
    expect(new Date(body.expiresAt).getTime() - Date.now()).toBeGreaterThan(6.9 * 86_400_000);
    expect(body.user).toEqual({
      id: expect.any(Number),
      nickName: 'Ada',
      avatar: expect.stringMatching(/^https:\/\/thirdwx\.qlogo\.cn\//),
      gender: 2,
      createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
    });
    const rows = await app.rows();
    expect(rows).toHaveLength(1);
    expect(rows[0]).toMatchObject({ id: body.user.id, nickName: 'Ada', gender: 2, status: 'active' });
    expect(rows[0]?.user_id).toMatch(/^o[\w-]{27}$/);
    expect(rows[0]?.unionid).toMatch(/^o[\w-]{27}$/);
  });

  test('the token opens GET me, in each of the three places that clients put it', async () => {
    const { body } = await app.login({ user: 'Ada' });
    const bare = body.token.replace('Bearer ', '');
    for (const headers of [
      { Authorization: body.token },
      { Authorization: bare },
      { token: bare },
      { token: body.token },
    ]) {
      const me = await app.call('GET', '/api/wxuser/me', undefined, headers);
      expect(me.status).toBe(200);
      expect(me.body.user).toEqual(body.user);
    }
  });

  test('the next login finds the row again, and takes what is new', async () => {
    const first = await app.login({ user: 'Ada' });
    const second = await app.login({
      user: 'Ada',
      nickName: '爱达👩‍💻',
      avatarUrl: 'https://example.com/a.png',
      gender: 1,
    });
    expect(second.body).toMatchObject({
      isNew: false,
      user: { id: first.body.user.id, nickName: '爱达👩‍💻', gender: 1 },
    });
    const rows = await app.rows();
    expect(rows).toHaveLength(1);
    expect(rows[0]).toMatchObject({ nickName: '爱达👩‍💻', avatar: 'https://example.com/a.png', gender: 1 });
  });

  test('the Express tutorial’s page works unchanged: a form with userInfo as text', async () => {
    const { code = '', encryptedData = '', iv = '', rawData = '' } = await app.button({ user: 'Ada' });
    const answer = await app.call(
      'POST',
      '/api/wxuser',
      form({ code, encryptedData, iv, userInfo: rawData }),
      FORM,
    );
    expect(answer.body).toMatchObject({ status: 200, messages: 'WX 授权成功', user: { nickName: 'Ada' } });
  });

  test.each([
    ['code alone', (sent) => ({ code: sent['code'] }), null],
    ['rawData as text', ({ code, rawData }) => ({ code, rawData }), 'Ada'],
    ['rawData as an object', ({ code, rawData }) => ({ code, rawData: JSON.parse(rawData ?? '') }), 'Ada'],
    ['userInfo as text', ({ code, rawData }) => ({ code, userInfo: rawData }), 'Ada'],
    ['userInfo as an object', ({ code, rawData }) => ({ code, userInfo: JSON.parse(rawData ?? '') }), 'Ada'],
    [
      'missing values as text',
      ({ code }) => ({ code, rawData: 'undefined', iv: 'null', encryptedData: '' }),
      null,
    ],
    ['missing values as null', ({ code }) => ({ code, rawData: null, iv: null, encryptedData: null }), null],
  ] as [string, (sent: Record<string, string>) => object, string | null][])(
    '%s logs in',
    async (_name, body, nickName) => {
      const answer = await app.call('POST', '/api/wxuser', body(await app.button({ user: 'Ada' })));
      expect(answer.status).toBe(200);
      expect(answer.body.user.nickName).toBe(nickName);
      expect(answer.body).not.toHaveProperty('issues');
    },
  );

  test('50 logins of one new user at once make one row and 50 good tokens', async () => {
    const buttons = await Promise.all(Array.from({ length: 50 }, () => app.button({ user: 'Ada' })));
    const answers = await Promise.all(buttons.map((button) => app.call('POST', '/api/wxuser', button)));

    expect(answers.map((answer) => answer.status)).toEqual(Array(50).fill(200));
    expect(answers.filter((answer) => answer.body.isNew)).toHaveLength(1);
    const rows = await app.rows();
    expect(rows).toHaveLength(1);
    const mine = await Promise.all(
      answers.map((answer) =>
        app.call('GET', '/api/wxuser/me', undefined, { Authorization: answer.body.token }),
      ),
    );
    expect(new Set(mine.map((me) => me.body.user?.id))).toEqual(new Set([rows[0]?.id]));
  });

  test('50 first logins whose answers from WeChat come at the same moment, five times over: one row each', async () => {
    const wechat = await startStandIn();
    const real = await startApp({ database, env: { ...realSettings(wechat.url), SESSION_LIMIT: '100' } });
    for (let round = 0; round < 5; round++) {
      const openid = `oRound${round}`.padEnd(28, '0');
      const held: (() => void)[] = [];
      wechat.answer((res, req) => void held.push(() => json({ ...SESSION, openid })(res, req)));
      const logins = Array.from({ length: 50 }, (_, i) =>
        real.call('POST', '/api/wxuser', { code: `${round}-${i}` }),
      );
      await expect.poll(() => held.length).toBe(50);
      for (const release of held) release();
      const answers = await Promise.all(logins);
      expect(answers.map((answer) => answer.status)).toEqual(Array(50).fill(200));
      expect(answers.filter((answer) => answer.body.isNew)).toHaveLength(1);
      expect(new Set(answers.map((answer) => answer.body.user.id)).size).toBe(1);
    }
    expect(await real.rows()).toHaveLength(5);
    await real.close();
  });

  test('a unionid that appears later is filled in; every login is dated; a change is dated', async () => {
    const wechat = await startStandIn();
    const [first, second, third] = [3, 2, 1].map((days) => new Date(Date.now() - days * 86_400_000)) as [
      Date,
      Date,
      Date,
    ];
    let clock = first;
    const real = await startApp({ database, env: realSettings(wechat.url), now: () => clock });
    const { body } = await real.call('POST', '/api/wxuser', { code: 'a' });
    clock = second;
    wechat.answer(json({ ...SESSION, unionid: 'ocMvos6NjeKLIBqg5Mr9QjxrP1FA' }));
    await real.call('POST', '/api/wxuser', { code: 'b' });
    expect((await real.rows())[0]).toMatchObject({
      unionid: 'ocMvos6NjeKLIBqg5Mr9QjxrP1FA',
      created_at: toColumn(first),
      updated_at: toColumn(second),
      last_login_at: toColumn(second),
    });
    clock = third;
    await real.call('PUT', '/api/wxuser/me', { gender: 1 }, { Authorization: body.token });
    expect((await real.rows())[0]).toMatchObject({
      updated_at: toColumn(third),
      last_login_at: toColumn(second),
    });
    await real.close();
  });

  test('one openid in two mini programs is two users', async () => {
    const wechat = await startStandIn();
    for (const WX_APPID of ['wx0000000000000001', 'wx0000000000000002']) {
      const real = await startApp({ database, env: { ...realSettings(wechat.url), WX_APPID } });
      expect((await real.call('POST', '/api/wxuser', { code: 'c' })).body.isNew).toBe(true);
      await real.close();
    }
    expect(await app.rows()).toHaveLength(2);
  });

  test('openids that differ in case only are two users', async () => {
    const wechat = await startStandIn();
    const real = await startApp({ database, env: realSettings(wechat.url) });
    for (const openid of [SESSION.openid, SESSION.openid.toLowerCase()]) {
      wechat.answer(json({ ...SESSION, openid }));
      expect((await real.call('POST', '/api/wxuser', { code: 'c' })).body.isNew).toBe(true);
    }
    expect(await real.rows()).toHaveLength(2);
    await real.close();
  });

  test('rows and tokens survive a restart, and so do the sandbox’s users', async () => {
    const { body } = await app.login({ user: 'Ada' });
    await app.close();
    app = await startApp({ database, env: { JWT_SECRET: 'eMsft9ydoEYJ07v0LfjLfg2ArfXsSaZi6dx3Syho' } });
    const again = await app.login({ user: 'Ada' });
    expect(again.body).toMatchObject({ isNew: false, user: { id: body.user.id } });
  });

  describe('what is stored of a profile', () => {
    test('forged rawData beside good encryptedData: the decrypted profile is stored', async () => {
      const forged = JSON.stringify({
        nickName: 'Admin',
        avatarUrl: 'https://evil.example/x.png',
        gender: 1,
      });
      const { body } = await app.login({ user: 'Ada', gender: 2 }, { rawData: forged });
      expect(body.user).toMatchObject({ nickName: 'Ada', gender: 2 });
      expect(body.issues).toEqual([{ path: 'signature', message: expect.stringContaining('rawData') }]);
      expect((await app.rows())[0]).toMatchObject({ nickName: 'Ada', gender: 2 });
    });

    test('the anonymous profile overwrites nothing, and leaves a new row without a name', async () => {
      await app.login({ user: 'Ada', gender: 2 });
      const before = (await app.rows())[0];
      const known = await app.login({ user: 'Ada', anonymous: true });
      const unknown = await app.login({ user: 'Bob', anonymous: true });
      expect(known.body.user).toMatchObject({ nickName: 'Ada', gender: 2, avatar: before?.avatar });
      expect(unknown.body.user).toMatchObject({ nickName: null, avatar: null, gender: 0 });
    });

    test.each([
      ['微信用户', { nickName: '微信用户' }],
      [
        'the grey avatar',
        {
          avatarUrl:
            'https://thirdwx.qlogo.cn/mmopen/vi_32/POgEwh4mIHO4nibH0KlMECNjjGxQUq24ZEaGT4poC6icRiccVGKSyXwibcPq4BWmiaIGuG1icwxaQX6grC9VemZoJ8rg/132',
        },
      ],
      [
        'the placeholder avatar',
        {
          avatarUrl:
            'https://mmbiz.qpic.cn/mmbiz/icTdbqWNOwNRna42FI242Lcia07jQodd2FJGIYQfG0LAJGFxM4FbnQP6yfMxBgJ0F3YRqJCJ1aPAK2dQagdusBZg/0',
        },
      ],
      ['gender 0', { gender: 0 }],
      ['is_demote', { nickName: 'Other', is_demote: true }],
    ])('%s in self-reported data overwrites nothing', async (_name, rawData) => {
      await app.login({ user: 'Ada', gender: 2 });
      const before = (await app.rows())[0];
      const { code } = await app.button({ user: 'Ada' });
      const { status } = await app.call('POST', '/api/wxuser', { code, rawData });
      expect(status).toBe(200);
      const after = (await app.rows())[0];
      expect(after).toEqual({ ...before, last_login_at: after?.last_login_at });
    });

    test('what the user set here survives every later login', async () => {
      const { body } = await app.login({ user: 'Ada', gender: 2 });
      const headers = { Authorization: body.token };
      await app.call('PUT', '/api/wxuser/me', { nickName: '阿达' }, headers);
      const { body: next } = await app.login({ user: 'Ada', nickName: 'Ada of WeChat', gender: 1 });
      expect(next.user).toMatchObject({ nickName: '阿达', gender: 1 });
      expect((await app.rows())[0]).toMatchObject({ nickName: '阿达', gender: 1 });
    });

    test('a wx.login after wx.getUserProfile rotates the key: the user is logged in, and told why his data was not used', async () => {
      const profile = await app.button({ user: 'Ada' });
      const { code } = await app.button({ user: 'Ada', rotate: true });
      const { status, body } = await app.call(
        'POST',
        '/api/wxuser',
        { ...profile, code },
        { 'Accept-Language': 'en' },
      );
      expect(status).toBe(200);
      expect(body.user.nickName).toBe('Ada'); // self-reported, in rawData
      expect(body.issues).toEqual([
        { path: 'encryptedData', message: expect.stringContaining('wx.login before wx.getUserProfile') },
        { path: 'signature', message: expect.stringContaining('self-reported') },
      ]);
    });
  });
});

describe('WeChat’s official vectors through the whole path', () => {
  /** When the vector was made. */
  const now = () => new Date(1_477_314_187_000);

  test('the decrypted profile becomes the row', async () => {
    const wechat = await startStandIn();
    wechat.answer(json({ ...SESSION, unionid: 'ocMvos6NjeKLIBqg5Mr9QjxrP1FA' }));
    const app = await startApp({ env: realSettings(wechat.url), now });
    const { encryptedData, iv } = vectors.encryptedData;
    const { body } = await app.call('POST', '/api/wxuser', {
      code: 'the-code-of-the-vectors',
      encryptedData,
      iv,
    });
    expect(body.user).toMatchObject({ nickName: 'Band', gender: 1 });
    expect((await app.rows())[0]).toMatchObject({
      appid: APPID,
      user_id: 'oGZUI0egBJY1zhBYw2KhdUfwVJJE',
      unionid: 'ocMvos6NjeKLIBqg5Mr9QjxrP1FA',
      avatar: JSON.parse(vectors.encryptedData.plaintext).avatarUrl,
    });
    expect(wechat.asked[0]?.pathname).toBe('/sns/jscode2session');
    expect(Object.fromEntries(wechat.asked[0]?.searchParams ?? [])).toMatchObject({
      appid: APPID,
      js_code: 'the-code-of-the-vectors',
      grant_type: 'authorization_code',
    });
  });

  test.each([
    ['a foreign watermark', 'wx0123456789abcdef', {}],
    ['truncated base64', APPID, { encryptedData: vectors.encryptedData.encryptedData.slice(0, -3) }],
    ['a truncated text', APPID, { encryptedData: vectors.encryptedData.encryptedData.slice(0, -24) }],
    ['a wrong key', APPID, { session: { ...SESSION, session_key: 'HyVFkGl5F5OQWJZZaNzBBg==' } }],
    ['no iv', APPID, { iv: undefined }],
    ['a watermark of an hour ago', APPID, { now: () => new Date(1_477_317_788_000) }],
  ])('%s: the user is logged in without his data, and told', async (_name, WX_APPID, change) => {
    const wechat = await startStandIn();
    const { session, now: at, ...sent } = { session: SESSION, now, ...vectors.encryptedData, ...change };
    wechat.answer(json(session));
    const app = await startApp({ env: { ...realSettings(wechat.url), WX_APPID }, now: at });
    const { encryptedData, iv } = sent;
    const { status, body } = await app.call('POST', '/api/wxuser', { code: 'c', encryptedData, iv });
    expect(status).toBe(200);
    expect(body.user).toMatchObject({ nickName: null, avatar: null, gender: 0 });
    expect(body.issues).toMatchObject([{ path: 'encryptedData' }]);
  });

  test('encryptedData of another user is not his, even with the right key', async () => {
    const wechat = await startStandIn();
    wechat.answer(json({ ...SESSION, openid: 'oSomebodyElse000000000000000' }));
    const app = await startApp({ env: realSettings(wechat.url), now });
    const { encryptedData, iv } = vectors.encryptedData;
    const { body } = await app.call('POST', '/api/wxuser', { code: 'c', encryptedData, iv });
    expect(body.user.nickName).toBeNull();
    expect(body.issues).toMatchObject([{ path: 'encryptedData' }]);
  });
});

test('the token holds what later routes need, and no session_key', async () => {
  const app = await startApp();
  const { body } = await app.login({ user: 'Ada' });
  const [row] = await app.rows();
  const decoded = jwt.decode(body.token.replace('Bearer ', ''), { complete: true });
  expect(decoded?.header).toEqual({ alg: 'HS256', typ: 'JWT', kid: expect.any(String) });
  expect(decoded?.payload).toEqual({
    sub: String(row?.id),
    openid: row?.user_id,
    appid: 'wxsandbox000000000',
    sid: expect.stringMatching(/^[\w-]{22}$/),
    iss: 'weapp-login',
    iat: expect.any(Number),
    exp: expect.any(Number),
  });
});

test('two identical logins in flight share one call to WeChat', async () => {
  const wechat = await startStandIn();
  const app = await startApp({ env: realSettings(wechat.url) });
  let release = () => {};
  wechat.answer((res) => {
    release = () => json(SESSION)(res, res.req);
  });
  const both = [1, 2].map(() => app.call('POST', '/api/wxuser', { code: 'one-code' }));
  await expect.poll(() => wechat.asked.length).toBe(1);
  await app.call('GET', '/readyz'); // a round trip later, both logins have arrived
  release();
  expect((await Promise.all(both)).map((answer) => answer.status)).toEqual([200, 200]);
  expect(wechat.asked).toHaveLength(1);
});

test('the reply of a login has these fields and no others', async () => {
  const app = await startApp();
  const { body } = await app.login({ user: 'Ada' });
  expect(Object.keys(body)).toEqual(['status', 'messages', 'token', 'expiresAt', 'isNew', 'user']);
  expect(Object.keys(body.user)).toEqual(['id', 'nickName', 'avatar', 'gender', 'createdAt']);
});

test('an appid that this server is not for is refused before WeChat is asked', async () => {
  const wechat = await startStandIn();
  const app = await startApp({ env: realSettings(wechat.url) });
  const refused = await app.call('POST', '/api/wxuser', { code: 'c', appid: 'wx0123456789abcdef' });
  expect(refused.body).toMatchObject({ status: 400, code: 'invalid_request', issues: [{ path: 'appid' }] });
  expect(wechat.asked).toEqual([]);
  expect((await app.call('POST', '/api/wxuser', { code: 'c', appid: APPID })).status).toBe(200);
});

test('the anonymous name with spaces around overwrites nothing, and cannot be set', async () => {
  const app = await startApp();
  const { body } = await app.login({ user: 'Ada' });
  const { code } = await app.button({ user: 'Ada' });
  const again = await app.call('POST', '/api/wxuser', { code, rawData: { nickName: ' 微信用户 ' } });
  expect(again.body.user.nickName).toBe('Ada');
  const put = await app.call(
    'PUT',
    '/api/wxuser/me',
    { nickName: '微信用户 ' },
    { Authorization: body.token },
  );
  expect(put.body).toMatchObject({ code: 'invalid_request', issues: [{ path: 'nickName' }] });
});

const MOCK = 'the code is a mock one';

test('DevTools’ mock code logs in to the sandbox: one fixed user, as often as it is sent', async () => {
  const app = await startApp();
  const first = await app.call('POST', '/api/wxuser', { code: MOCK });
  expect(first.body).toMatchObject({ status: 200, isNew: true });
  const again = await app.call('POST', '/api/wxuser', form({ code: MOCK }), FORM);
  expect(again.body).toMatchObject({ status: 200, isNew: false, user: first.body.user });
  expect((await app.call('POST', '/user/wechatlogin', { code: MOCK })).body).toMatchObject({ code: 0 });
  expect(await app.rows()).toHaveLength(1);
});

test('WeChat refuses the mock code as any wrong one', async () => {
  const wechat = await startStandIn();
  wechat.answer(json({ errcode: 40_029, errmsg: 'invalid code, rid: 1' }));
  const app = await startApp({ env: realSettings(wechat.url) });
  const { body } = await app.call('POST', '/api/wxuser', { code: MOCK });
  expect(body).toMatchObject({ status: 401, code: 'wechat_code_invalid', retry: 'login' });
  expect(wechat.asked[0]?.searchParams.get('js_code')).toBe(MOCK);
});

test('no other text with blanks is a code, and the mock one is no phone code', async () => {
  const wechat = await startStandIn();
  const app = await startApp({ env: realSettings(wechat.url) });
  for (const code of [
    'the code is a mock two',
    'THE CODE IS A MOCK ONE',
    `${MOCK} more`,
    `x ${MOCK}`,
    'a b',
  ]) {
    const { body } = await app.call('POST', '/api/wxuser', { code });
    expect(body).toMatchObject({ status: 400, code: 'invalid_request', issues: [{ path: 'code' }] });
  }
  const { body } = await app.call('POST', '/api/wxuser', { code: 'c', phoneCode: MOCK });
  expect(body).toMatchObject({ status: 400, issues: [{ path: 'phoneCode' }] });
  expect(wechat.asked).toEqual([]);
});
