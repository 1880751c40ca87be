import { describe, expect, test } from 'vitest';
import { startApp } from './support/app.ts';
import { engines } from './support/engines.ts';

const FORM = { 'Content-Type': 'application/x-www-form-urlencoded' };

describe.each(engines)('my own row, on $name', ({ fresh }) => {
  async function start() {
    const app = await startApp({ database: await fresh() });
    const { body } = await app.login({ user: 'Ada', gender: 2 });
    return { app, headers: { Authorization: body.token } };
  }

  test('PUT changes what it names, and nothing else', async () => {
    const { app, headers } = await start();
    await app.login({ user: 'Bob' });
    const [before, bob] = await app.rows();
    const { status, body } = await app.call('PUT', '/api/wxuser/me', { nickName: ' 阿达 ' }, headers);
    expect(status).toBe(200);
    expect(body.user).toMatchObject({ nickName: '阿达', gender: 2, avatar: before?.avatar });
    const [after, bobAfter] = await app.rows();
    expect(after).toEqual({ ...before, nickName: '阿达', own_nickName: 1, updated_at: after?.updated_at });
    expect(bobAfter).toEqual(bob);
    expect((await app.call('GET', '/api/wxuser/me', undefined, headers)).body.user).toEqual(body.user);
  });

  test('PUT takes a form too, as wx.request sends it', async () => {
    const { app, headers } = await start();
    const form = new URLSearchParams({ gender: '1', avatar: 'https://example.com/me.png' }).toString();
    const { body } = await app.call('PUT', '/api/wxuser/me', form, { ...headers, ...FORM });
    expect(body.user).toMatchObject({ gender: 1, avatar: 'https://example.com/me.png' });
  });

  test('gender 0 set here is kept: the user need not say', async () => {
    const { app, headers } = await start();
    await app.call('PUT', '/api/wxuser/me', { gender: 0 }, headers);
    expect((await app.login({ user: 'Ada', gender: 2 })).body.user.gender).toBe(0);
  });

  test.each([
    ['nothing', {}],
    [
      'only fields that are not his to change',
      { id: 1, status: 'banned', openid: 'x', appid: 'y', own_nickName: 0 },
    ],
    ['an empty name', { nickName: '  ' }],
    ['a name of 65 characters', { nickName: 'a'.repeat(65) }],
    ['a temporary avatar', { avatar: 'wxfile://tmp_1.jpg' }],
    ['gender 3', { gender: 3 }],
    ['a good name beside a bad avatar', { nickName: 'Eve', avatar: 'ftp://example.com/x' }],
    ['null', { nickName: null }],
  ])('PUT with %s is refused and changes nothing', async (_name, change) => {
    const { app, headers } = await start();
    const before = await app.rows();
    const { body } = await app.call('PUT', '/api/wxuser/me', change, headers);
    expect(body).toMatchObject({ status: 400, code: 'invalid_request', retry: 'never', issues: [{}] });
    expect(await app.rows()).toEqual(before);
  });

  test('a login and a PUT at once, many times over: the name set here always wins', async () => {
    const { app, headers } = await start();
    for (let round = 0; round < 10; round++) {
      const button = await app.button({ user: 'Ada', nickName: `WeChat ${round}` });
      await Promise.all([
        app.call('POST', '/api/wxuser', button),
        app.call('PUT', '/api/wxuser/me', { nickName: `Mine ${round}` }, headers),
      ]);
      expect((await app.rows())[0]?.nickName).toBe(`Mine ${round}`);
    }
  });
});
