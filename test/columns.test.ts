import { describe, expect, onTestFinished, test } from 'vitest';
import { createAdministration } from '../src/db/administration.ts';
import { openDatabase } from '../src/db/open.ts';
import { realSettings, startApp, type TestApp } from './support/app.ts';
import { engines } from './support/engines.ts';
import { keepSecret } from './support/no-secrets.ts';
import { nowInSeconds, push, SAFE } from './support/push.ts';
import { json, SESSION, startStandIn, token } from './support/wechat.ts';

/** What does not fit into a column of ASCII, or is cut short by one who counts bytes. */
const ODD = ['😀', 'é', '名', '\0', 'a\0b', '\ud83d'];
const EMOJI_64 = '😀'.repeat(64);

const url = (length: number, tail = '') => `https://example.com/${tail}`.padEnd(length, 'a');

/**
 * A value for each column that somebody else can reach, on every engine: the longest, one more, emoji, NUL. What does not fit is
 * refused or cut; nothing is a 500, and nothing is stored of what is refused.
 */
describe.each(engines)('what comes into a column, on $name', ({ fresh }) => {
  async function start(env: Record<string, string> = {}) {
    const database = await fresh();
    onTestFinished(database.drop);
    return { app: await startApp({ database, env }), database };
  }
  async function startReal(env: Record<string, string> = {}) {
    const wechat = await startStandIn();
    wechat.answerAt('/cgi-bin/stable_token', token());
    return { ...(await start({ ...realSettings(wechat.url), ...env })), wechat };
  }
  const bearer = async (app: TestApp, user = 'Ada') => {
    const { body } = await app.login({ user });
    return { Authorization: body.token as string };
  };

  test('openid, unionid and session_key, as WeChat answers them', async () => {
    const { app, wechat } = await startReal();
    const login = () => app.call('POST', '/api/wxuser', { code: 'code' });
    for (const field of ['openid', 'unionid', 'session_key']) {
      const longest = field.charAt(0).padEnd(64, 'x');
      keepSecret(longest);
      wechat.answer(json({ ...SESSION, [field]: longest }));
      expect((await login()).status, field).toBe(200);
      const rows = await app.rows();
      // An empty unionid is none.
      for (const wrong of [`${longest}x`, ...ODD, ...(field === 'unionid' ? [] : ['']), ' ', 7]) {
        wechat.answer(json({ ...SESSION, [field]: wrong }));
        expect((await login()).body, `${field} ${wrong}`).toMatchObject({
          status: 503,
          code: 'wechat_unavailable',
        });
      }
      expect(await app.rows()).toEqual(rows);
    }
  });

  test('phone, as WeChat answers it', async () => {
    const { app, wechat } = await startReal();
    const { token: Authorization } = (await app.call('POST', '/api/wxuser', { code: 'code' })).body;
    const ask = (purePhoneNumber: unknown, countryCode: unknown = '86') => {
      const phone_info = { phoneNumber: purePhoneNumber, purePhoneNumber, countryCode };
      wechat.answerAt('/wxa/business/getuserphonenumber', json({ errcode: 0, errmsg: 'ok', phone_info }));
      return app.call('POST', '/api/wxuser/me/phone', { code: 'p'.repeat(64) }, { Authorization });
    };
    keepSecret('8612345678901');
    keepSecret('12345678901234');
    expect((await ask('1234567890123')).body).toMatchObject({ status: 200, phone: '+861234567890123' });
    for (const wrong of ['12345678901234', '1'.repeat(40), ...ODD, ''])
      expect((await ask(wrong)).body, wrong).toMatchObject({ status: 503, code: 'wechat_unavailable' });
    for (const wrong of ['86864', '😀', '8\0', ''])
      expect((await ask('13800138000', wrong)).body).toMatchObject({
        status: 503,
        code: 'wechat_unavailable',
      });
    expect((await app.rows()).map((row) => row.phone)).toEqual(['+861234567890123']);
  });

  test('nickName, avatar and gender', async () => {
    const { app } = await start();
    const headers = await bearer(app);
    const put = (body: object) => app.call('PUT', '/api/wxuser/me', body, headers);
    const fits: Record<string, unknown>[] = [
      { nickName: '名'.repeat(64) },
      { nickName: EMOJI_64 },
      { avatar: url(512) },
      { avatar: url(512, '😀名'.repeat(50)) },
      { gender: 2 },
    ];
    for (const body of fits) expect((await put(body)).body).toMatchObject({ status: 200, user: body });
    expect((await put({ nickName: 'a\0b\ud83d' })).body).toMatchObject({
      status: 200,
      user: { nickName: 'ab' },
    });
    const rows = await app.rows();
    const wrong: Record<string, unknown>[] = [
      ...[`${EMOJI_64}a`, 'a'.repeat(60_000), '\0', '\ud83d'].map((nickName) => ({ nickName })),
      ...[url(513), url(20_000), url(60, '\0'), url(60, '\ud83d')].map((avatar) => ({ avatar })),
      ...[3, -1, 1e300, 0.5, '😀', '\0'].map((gender) => ({ gender })),
    ];
    for (const body of wrong) {
      const { status, body: answer } = await put(body);
      expect([status, answer.code], JSON.stringify(body).slice(0, 60)).toEqual([400, 'invalid_request']);
    }
    expect(await app.rows()).toEqual(rows);
    for (const [field, value] of wrong.flatMap((body) => Object.entries(body))) {
      const rawData = {
        [field === 'avatar' ? 'avatarUrl' : field]: String(value).length > 9000 ? 'a'.repeat(9000) : value,
      };
      const { code } = await app.button({ user: 'Ada' });
      expect((await app.call('POST', '/api/wxuser', { code, rawData })).status).toBe(200);
    }
    expect(await app.rows()).toMatchObject([
      { nickName: rows[0]?.nickName, avatar: rows[0]?.avatar, gender: 2 },
    ]);
  });

  test('code and appid of a request', async () => {
    const { app } = await start();
    for (const path of ['/api/wxuser', '/user/wechatlogin'])
      for (const odd of [...ODD, 'x'.repeat(129), 'x'.repeat(60_000)]) {
        expect((await app.call('POST', path, { code: odd })).body).toMatchObject({ code: 'invalid_request' });
        const { code } = await app.button({ user: 'Ada' });
        const { body } = await app.call('POST', path, { code, appid: odd });
        expect(body, odd.slice(0, 9)).toMatchObject({ status: 400, code: 'invalid_request' });
      }
    expect(await app.rows()).toEqual([]);
  });

  test('device and place of a session', async () => {
    const { app } = await startReal({ TRUST_PROXY: 'loopback' });
    const login = (headers: Record<string, string>) =>
      app.call('POST', '/api/wxuser', { code: 'code' }, headers);
    const agents = [
      'é'.repeat(4000),
      `Android 14; ${'ü'.repeat(300)} Build MicroMessenger/${'8.'.repeat(3000)}`,
      Buffer.from('iPhone 😀名').toString('latin1'),
      `Android 14; ${Buffer.from('名'.repeat(60)).toString('latin1')} Build`,
      '\u0080\u009f',
    ];
    const addresses = [
      'é',
      'x'.repeat(3000),
      Buffer.from('😀').toString('latin1'),
      '1.2.3.4.5',
      `${'9'.repeat(70)}`,
    ];
    for (const agent of agents)
      expect((await login({ 'User-Agent': agent })).status, agent.slice(0, 20)).toBe(200);
    for (const address of [...addresses, 'fe80::1%eth0', '2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff'])
      expect((await login({ 'X-Forwarded-For': address })).status, address.slice(0, 20)).toBe(200);
    const { token: Authorization } = (await login({})).body;
    const { body } = await app.call('GET', '/api/wxuser/sessions', undefined, { Authorization });
    for (const { device, place } of body.sessions)
      expect([device.length <= 100, /^[\w.:*]{1,40}$/.test(place)]).toEqual([true, true]);
    expect(body.status).toBe(200);
  });

  test('the id of a session, and the name of a picture, in a path', async () => {
    const { app } = await start();
    const headers = await bearer(app);
    const odd = [
      'z'.repeat(32),
      'z'.repeat(33),
      'z'.repeat(10_000),
      '%F0%9F%98%80',
      '%00',
      'a%00b',
      '%C3%A9',
      '%ff',
    ];
    for (const id of odd)
      for (const [method, path] of [
        ['DELETE', `/api/wxuser/sessions/${id}`],
        ['GET', `/avatars/${id}`],
      ] as const) {
        const { status, body } = await app.call(method, path, undefined, headers);
        expect([400, 404], `${method} ${path.slice(0, 40)}`).toContain(status);
        expect(['not_found', 'invalid_request']).toContain(body.code);
      }
  });

  test('what WeChat pushes: openid, trace_id, suggest, label and errcode', async () => {
    const { app } = await start({
      ...SAFE,
      WX_CONTENT_CHECK: 'true',
      PUBLIC_URL: 'https://login.example.com',
    });
    const outcomeOf = async (fields: Record<string, unknown>) => {
      const answer = await push(
        app,
        {
          CreateTime: nowInSeconds(),
          MsgType: 'event',
          AppID: 'wxsandbox000000000',
          n: Math.random(),
          ...fields,
        },
        { mode: 'safe' },
      );
      expect([answer.status, answer.body], JSON.stringify(fields).slice(0, 90)).toEqual([200, 'success']);
      return app.log.filter((line) => line['msg'] === 'wechat event').at(-1)?.['outcome'];
    };
    for (const OpenID of [...ODD, 'o'.repeat(65)]) {
      for (const Event of [
        'user_authorization_cancellation',
        'user_info_modified',
        'user_authorization_revoke',
      ])
        expect(await outcomeOf({ Event, OpenID, RevokeInfo: '8' })).toBe('unusable');
    }
    const Event = 'wxa_media_check';
    const result = { suggest: 'pass', label: 100 };
    const check = { Event, version: 2, result, trace_id: 't' };
    for (const fits of [
      { trace_id: 't'.repeat(128) },
      { trace_id: '😀'.repeat(64) },
      { result: { ...result, label: 2_147_483_647 } },
      { result: undefined, errcode: -2_147_483_648 },
    ])
      expect(await outcomeOf({ ...check, ...fits })).toBe('handled');
    for (const wrong of [
      { trace_id: 't'.repeat(129) },
      { trace_id: '' },
      { result: { ...result, label: 2_147_483_648 } },
      { result: { ...result, label: 1e300 } },
      { result: { ...result, label: '9'.repeat(400) } },
      { result: { ...result, label: 1.5 } },
      { result: { ...result, label: '😀' } },
      { result: { ...result, suggest: '😀' } },
      { result: undefined, errcode: 1e300 },
    ])
      expect(await outcomeOf({ ...check, ...wrong }), JSON.stringify(wrong).slice(0, 60)).toBe('unusable');
    // A NUL and half an emoji are texts to both engines.
    for (const trace_id of ['\0', 'a\0b', '\ud83d']) await outcomeOf({ ...check, trace_id });
  });

  test('what an administrator looks for', async () => {
    const { app, database } = await start();
    const headers = await bearer(app);
    const opened = await openDatabase(database.url);
    onTestFinished(() => opened.db.destroy());
    const { find, rowsOf } = createAdministration(opened, () => new Date());
    // A command line has no NUL.
    for (const text of [
      ...ODD.filter((text) => !text.includes('\0')),
      'x'.repeat(20_000),
      '9'.repeat(15),
      '9'.repeat(40),
      "'",
      '%'.repeat(100),
      '😀'.repeat(999),
    ])
      expect(await find(text), text.slice(0, 9)).toEqual([]);
    expect(await rowsOf(999_999_999_999_999, true)).toEqual([]);
    await app.call('PUT', '/api/wxuser/me', { nickName: '阿达😀' }, headers);
    for (const text of ['阿', '😀', '阿达😀'])
      expect(await find(text)).toMatchObject([{ nickName: '阿达😀' }]);
  });
});
