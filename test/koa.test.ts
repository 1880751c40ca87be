import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { realSettings, startApp } from './support/app.ts';
import { engines } from './support/engines.ts';
import { errcode, startStandIn } from './support/wechat.ts';

describe.each(engines)('the Koa tutorial’s login, on $name', ({ fresh }) => {
  test('{code} → {code: 0, msg, data: {token}}, and the token works in its client’s manner', async () => {
    const database = await fresh();
    const app = await startApp({ database });
    const login = async () =>
      app.call('POST', '/user/wechatlogin', { code: (await app.button({ user: 'Ada' }))['code'] });
    const { status, body } = await login();
    expect(status).toBe(200);
    expect(body).toEqual({ code: 0, msg: '登录成功', data: { token: expect.stringMatching(/^eyJ/) } });
    const me = await app.call('GET', '/api/wxuser/me', undefined, { token: body.data.token });
    expect(me.body.user.id).toBe((await app.rows())[0]?.id);

    // The tutorial's token was md5(openid), which a client can compute. No two of ours are the same.
    const openid = (await app.rows())[0]?.user_id ?? '';
    expect(body.data.token).not.toContain(createHash('md5').update(openid).digest('hex'));
    expect((await login()).body.data.token).not.toBe(body.data.token);
    expect(await app.rows()).toHaveLength(1);
    await app.close();
    await database.drop();
  });
});

test.each([
  [40029, 401, /wx\.login/],
  [40163, 401, /已被使用/],
  [40226, 403, /拦截/],
])('WeChat refuses the code with %i: {code: 10001, msg}', async (answer, status, msg) => {
  const wechat = await startStandIn();
  wechat.answer(errcode(answer));
  const app = await startApp({ env: realSettings(wechat.url) });
  const refused = await app.call('POST', '/user/wechatlogin', { code: 'c' });
  expect(refused.status).toBe(status);
  expect(refused.body).toMatchObject({ code: 10_001, msg: expect.stringMatching(msg) });
  expect(app.log.find((line) => line['id'] === refused.body.requestId)?.['reason']).toMatch(String(answer));
  expect(await app.rows()).toEqual([]);
});

test('other failures are those of the catalogue', async () => {
  const app = await startApp();
  expect((await app.call('POST', '/user/wechatlogin', {})).body).toMatchObject({
    status: 400,
    code: 'invalid_request',
  });
});
