import { describe, expect, inject, test } from 'vitest';
import { startApp } from './support/app.ts';
import { type Shown, useBrowser } from './support/browser.ts';
import { jpeg } from './support/pictures.ts';

const LOGIN = 'POST /api/wxuser ';
const ME = 'GET /api/wxuser/me';

describe.skipIf(!inject('chromium'))('the mini program in a browser', () => {
  const browser = useBrowser();

  const count = ({ asked }: Shown, what: string) => asked.filter((each) => each.startsWith(what)).length;
  const tap = ({ phone }: Shown, name: string) => phone.getByRole('button', { name, exact: true }).click();
  const follow = ({ phone }: Shown, name: string) => phone.getByRole('link', { name, exact: true }).click();
  const sees = ({ phone }: Shown, text: string | RegExp) =>
    phone.getByText(text, { exact: true }).first().waitFor();

  /** Taps the login button, and allows what WeChat asks; of an anonymous profile it asks nothing. */
  async function logIn(shown: Shown, name = 'Ada'): Promise<void> {
    await tap(shown, '微信登录');
    if (name !== '微信用户') await tap(shown, '允许');
    await shown.phone.locator('.name', { hasText: name }).waitFor();
  }

  async function open({ url }: { readonly url: string }): Promise<Shown> {
    const shown = await browser.open({ url });
    await shown.phone.getByRole('button', { name: '微信登录' }).waitFor();
    return shown;
  }

  test('first login: a button, a question, then picture and name; the row and the token are there', async () => {
    const app = await startApp();
    const shown = await open(app);
    await logIn(shown);
    await shown.phone
      .locator('.avatar img')
      .evaluate((picture: { decode(): Promise<void> }) => picture.decode());
    await sees(shown, '用户 1');
    expect(await app.rows()).toMatchObject([
      { id: 1, nickName: 'Ada', avatar: expect.stringMatching(/qlogo/) },
    ]);
    expect(count(shown, `${LOGIN}200`)).toBe(1);
  });

  test('the profile decrypts, since wx.login comes before getUserProfile: also where every wx.login changes the key', async () => {
    const app = await startApp();
    await app.call('PUT', '/sandbox/control/settings', { rotateAtLogin: true });
    const shown = await open(app);
    // While the page loads: in the tap itself there would be no time to wait for it.
    await expect.poll(() => count(shown, 'POST /sandbox/wx/login')).toBe(1);
    const answer = shown.page.waitForResponse(/\/api\/wxuser$/);
    await logIn(shown);
    expect(await (await answer).json()).not.toHaveProperty('issues');
  });

  test('who cancels is told so and not logged in; the next tap asks again', async () => {
    const app = await startApp();
    const shown = await open(app);
    await tap(shown, '微信登录');
    await tap(shown, '拒绝');
    await sees(shown, '你取消了授权');
    expect([await app.rows(), count(shown, LOGIN)]).toEqual([[], 0]);
    await logIn(shown);
    expect(await shown.phone.getByText('你取消了授权').count()).toBe(0);
  });

  test('a reload keeps the login', async () => {
    const app = await startApp();
    const shown = await open(app);
    await logIn(shown);
    await shown.page.reload();
    await shown.phone.locator('.name', { hasText: 'Ada' }).waitFor();
    await expect.poll(() => count(shown, `${ME} 200`)).toBeGreaterThan(0);
    expect(count(shown, LOGIN)).toBe(1);
  });

  test('an expired token is renewed silently, exactly once, while ten requests run', async () => {
    const app = await startApp();
    const shown = await open(app);
    await logIn(shown);
    await shown.page.getByRole('button', { name: '让 token 过期' }).click();
    await shown.page.getByText('已过期').waitFor();
    await shown.page.getByRole('button', { name: '同时发十个请求' }).click();
    await expect.poll(() => [count(shown, `${ME} 401`), count(shown, `${ME} 200`)]).toEqual([10, 10]);
    expect(count(shown, LOGIN)).toBe(2);
    expect(app.log.filter(({ code }) => code === 'token_expired')).toHaveLength(10);
    await shown.phone.locator('.name', { hasText: 'Ada' }).waitFor();
    // Late answers are told late, and stand where they belong.
    await expect.poll(() => shown.page.locator('#story [data-at]').count()).toBeGreaterThan(25);
    for (const step of await shown.page.locator('#story .step').all()) {
      const times = await step
        .locator('[data-at]')
        .evaluateAll((items) =>
          items.map((item) => Number((item as unknown as { dataset: Record<string, string> }).dataset['at'])),
        );
      expect(times).toEqual(times.toSorted((a, b) => a - b));
    }
  });

  test('a banned user is told so in the next request, and let in again', async () => {
    const app = await startApp();
    const shown = await open(app);
    await logIn(shown);
    const ban = shown.page.getByRole('button', { name: '封禁' });
    await ban.click();
    await shown.page.locator('#ban[aria-pressed="true"]').waitFor();
    await follow(shown, '登录的设备');
    await sees(shown, '该账号已被停用');
    // What he can show to whoever has the log.
    const requestId = await shown.phone.locator('.request-id').textContent();
    expect(app.log).toContainEqual(
      expect.objectContaining({ id: requestId, status: 403, code: 'user_banned' }),
    );
    await ban.click();
    await shown.page.locator('#ban[aria-pressed="false"]').waitFor();
    await tap(shown, '返回');
    await follow(shown, '登录的设备');
    await sees(shown, '本机');
  });

  test.each([
    ['连不上', 'down'],
    ['繁忙 (-1)', 'busy'],
  ])(
    'while WeChat cannot be used (%s) the user is told; when it can, his next tap logs in',
    async (name, id) => {
      const app = await startApp();
      const shown = await open(app);
      await shown.page.getByRole('button', { name }).click();
      await shown.page.locator(`#${id}[aria-pressed="true"]`).waitFor();
      await tap(shown, '微信登录');
      await tap(shown, '允许');
      await sees(shown, '微信服务暂时不可用，请稍后再试');
      expect(await app.rows()).toEqual([]);
      await shown.page.getByRole('button', { name: '正常' }).click();
      await shown.page.locator('#normal[aria-pressed="true"]').waitFor();
      await logIn(shown);
    },
  );

  test('a picture from the album and a name of his own stay through later logins', async () => {
    const app = await startApp();
    // The name that people type; the server calls itself 127.0.0.1.
    const shown = await open({ url: app.url.replace('127.0.0.1', 'localhost') });
    await logIn(shown);
    await follow(shown, '我的资料');
    await tap(shown, '头像');
    const chooser = shown.page.waitForEvent('filechooser');
    await tap(shown, '从相册选择');
    await (await chooser).setFiles({ name: 'me.jpg', mimeType: 'image/jpeg', buffer: await jpeg(1) });
    await sees(shown, '头像已更新');
    await shown.phone.getByLabel('昵称').fill('小艾');
    await tap(shown, '保存昵称');
    await sees(shown, '昵称已保存');
    await tap(shown, '返回');
    await shown.phone.locator('.name', { hasText: '小艾' }).waitFor();
    const picture = shown.phone.locator('.avatar img[src^="/avatars/"]');
    await picture.evaluate((image: { decode(): Promise<void> }) => image.decode());
    await tap(shown, '退出登录');
    await logIn(shown, '小艾');
    expect(await app.rows()).toMatchObject([
      { nickName: '小艾', avatar: expect.stringContaining('/avatars/') },
    ]);
  });

  test('today’s new mini program: an anonymous profile, then WeChat’s own picture and name with two taps', async () => {
    const app = await startApp();
    const shown = await open(app);
    await shown.page.getByRole('button', { name: '匿名资料' }).click();
    await shown.page.locator('#anonymous[aria-pressed="true"]').waitFor();
    await logIn(shown, '微信用户');
    expect(await app.rows()).toMatchObject([{ nickName: null, avatar: null }]);
    await follow(shown, '我的资料');
    await tap(shown, '头像');
    await tap(shown, '用微信头像');
    await sees(shown, '头像已更新');
    await shown.phone.getByLabel('昵称').focus();
    await tap(shown, '用微信昵称');
    await tap(shown, '保存昵称');
    await sees(shown, '昵称已保存');
    expect(await app.rows()).toMatchObject([
      { nickName: 'Ada', avatar: expect.stringContaining('/avatars/') },
    ]);
  });

  test('the phone number: refused, then given', async () => {
    const app = await startApp();
    const shown = await open(app);
    await logIn(shown);
    await follow(shown, '我的资料');
    await tap(shown, '手机号 点击绑定');
    await tap(shown, '不允许');
    await sees(shown, '你取消了授权');
    expect(await app.rows()).toMatchObject([{ phone: null }]);
    await tap(shown, '手机号 点击绑定');
    await tap(shown, '允许');
    await sees(shown, /\+86120666\d{5}/);
    expect(await app.rows()).toMatchObject([{ phone: expect.stringMatching(/^\+86120666\d{5}$/) }]);
    // It is there again when the page is.
    await tap(shown, '返回');
    await follow(shown, '我的资料');
    await sees(shown, /^\+86120666\d{5}$/);
    expect(await shown.phone.getByLabel('昵称').inputValue()).toBe('Ada');
    await shown.phone.locator('.cell .avatar img[src^="/sandbox/cdn/"]').waitFor();
  });

  test('two browsers are two devices, and one ends the other', async () => {
    const app = await startApp();
    const [mine, other] = [await open(app), await open(app)];
    await logIn(mine);
    await logIn(other);
    await follow(mine, '登录的设备');
    await tap(mine, '下线');
    await mine.phone.getByRole('dialog').getByRole('button', { name: '取消' }).click();
    expect(count(mine, 'DELETE /api/wxuser/sessions/')).toBe(0);
    await tap(mine, '下线');
    await mine.phone.getByRole('dialog').getByRole('button', { name: '下线' }).click();
    await mine.phone.getByRole('button', { name: '下线' }).waitFor({ state: 'detached' });
    await sees(mine, '本机');
    await other.page.getByText('会话已结束').waitFor();
    await follow(other, '登录的设备');
    await sees(other, '本机');
    expect(app.log).toContainEqual(expect.objectContaining({ status: 401, code: 'session_ended' }));
    expect([count(mine, LOGIN), count(other, LOGIN)]).toEqual([1, 2]);
  });

  test('logging out everywhere asks first, and shows the button again', async () => {
    const app = await startApp();
    const shown = await open(app);
    await logIn(shown);
    await app.login({ user: 'Ada' }); // on another one
    await follow(shown, '登录的设备');
    await tap(shown, '退出所有设备');
    await shown.phone.getByRole('dialog').getByRole('button', { name: '取消' }).click();
    expect(count(shown, 'POST /api/wxuser/logout')).toBe(0);
    await tap(shown, '退出所有设备');
    await shown.phone.getByRole('dialog').getByRole('button', { name: '退出' }).click();
    await shown.phone.getByRole('button', { name: '微信登录' }).waitFor();
    await shown.page.getByText('手机里没有 token').waitFor();
    expect((await app.call('GET', '/sandbox/demo/users/Ada')).body.sessions).toEqual([]);
  });

  test('logging out everywhere that cannot reach the server says so, and can be tried again', async () => {
    const app = await startApp();
    const shown = await open(app);
    await logIn(shown);
    await follow(shown, '登录的设备');
    await shown.page.route('**/api/wxuser/logout', (route) => route.abort(), { times: 3 });
    const everywhere = async () => {
      await tap(shown, '退出所有设备');
      await shown.phone.getByRole('dialog').getByRole('button', { name: '退出' }).click();
    };
    await everywhere();
    await sees(shown, '网络不可用，请稍后再试');
    shown.problems.splice(0);
    await sees(shown, '本机');
    await everywhere();
    await shown.phone.getByRole('button', { name: '微信登录' }).waitFor();
  });

  test('a device that is gone already leaves the list', async () => {
    const app = await startApp();
    const { token } = (await app.login({ user: 'Ada' })).body;
    const shown = await open(app);
    await logIn(shown);
    await follow(shown, '登录的设备');
    await shown.phone.getByRole('button', { name: '下线' }).waitFor();
    await app.call('POST', '/api/wxuser/logout', {}, { Authorization: token });
    await tap(shown, '下线');
    await shown.phone.getByRole('dialog').getByRole('button', { name: '下线' }).click();
    await shown.phone.getByRole('button', { name: '下线' }).waitFor({ state: 'detached' });
    expect(await shown.phone.getByRole('alert').count()).toBe(0);
  });

  test('a logout while his profile is on its way is a logout, and no failure', async () => {
    const app = await startApp();
    const shown = await open(app);
    await logIn(shown);
    await follow(shown, '登录的设备');
    await sees(shown, '本机');
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    await shown.page.route('**/api/wxuser/me', async (route) => {
      await held;
      await route.continue();
    });
    const asked = shown.page.waitForRequest('**/api/wxuser/me');
    await tap(shown, '返回');
    await asked;
    await tap(shown, '退出登录');
    await shown.phone.getByRole('button', { name: '微信登录' }).waitFor();
    release();
    // The page tells of the answer after the mini program has it.
    await shown.page.locator('#story .request.failed').getByText('GET /api/wxuser/me').waitFor();
    expect(await shown.phone.getByRole('alert').count()).toBe(0);
    await shown.page.getByText('手机里没有 token').waitFor();
  });

  test('an account whose erasure was not heard of is erased, and no new one is made', async () => {
    const app = await startApp();
    const shown = await open(app);
    await logIn(shown);
    await shown.page.route(
      '**/api/wxuser/me',
      async (route) => {
        await route.fetch();
        await route.abort();
      },
      { times: 1 },
    );
    await tap(shown, '注销账号');
    await shown.phone.getByRole('dialog').getByRole('button', { name: '注销' }).click();
    await shown.phone.getByRole('button', { name: '微信登录' }).waitFor();
    await sees(shown, '登录已失效，请重新登录');
    shown.problems.splice(0);
    expect([await app.rows(), count(shown, LOGIN)]).toEqual([[], 1]);
  });

  test('an erased account leaves nothing, and nobody logs in again unasked', async () => {
    const app = await startApp();
    const shown = await open(app);
    await logIn(shown);
    await tap(shown, '注销账号');
    await shown.phone.getByRole('dialog').getByRole('button', { name: '取消' }).click();
    expect(await app.rows()).toHaveLength(1);
    await tap(shown, '注销账号');
    await shown.phone.getByRole('dialog').getByRole('button', { name: '注销' }).click();
    await sees(shown, '账号已注销');
    expect(await app.rows()).toEqual([]);
    await shown.phone.getByRole('button', { name: '微信登录' }).waitFor();
    await shown.page.reload();
    await shown.phone.getByRole('button', { name: '微信登录' }).waitFor();
    expect([count(shown, LOGIN), await app.rows()]).toEqual([1, []]);
  });
});
