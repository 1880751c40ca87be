import { describe, expect, inject, test } from 'vitest';
import { realSettings, startApp, type TestApp } from './support/app.ts';
import { type Shown, useBrowser } from './support/browser.ts';

const english = { 'Accept-Language': 'en' };

test('the sandbox shows it at /, in Chinese or English; it loads files of its own only, and a strict policy lets it', async () => {
  const app = await startApp();
  const [zh, en] = [await app.call('GET', '/'), await app.call('GET', '/', undefined, english)];
  expect([zh.status, zh.body, en.body]).toEqual([
    200,
    expect.stringMatching(/<html lang="zh-CN">[\s\S]*动手试试/),
    expect.stringMatching(/<html lang="en">[\s\S]*Play with the world/),
  ]);
  expect(en.headers.get('vary')).toMatch(/Accept-Language/);
  expect(en.body).not.toMatch(/<script>|<style|style=| on\w+=/);
  const loads = [...en.body.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, url]) => url as string);
  expect(loads.length).toBeGreaterThan(3);
  for (const path of ['/', '/sandbox/demo/phone.html', ...loads]) {
    const { status, headers } = await app.call('GET', path);
    expect([path, status]).toEqual([path, 200]);
    const policy = headers.get('content-security-policy') ?? '';
    expect(policy).toMatch(/default-src 'none'; script-src 'self'; style-src 'self'/);
    expect(policy).toMatch(/base-uri 'none'; form-action 'none'; frame-ancestors '(?:self|none)'/);
    expect(policy).not.toMatch(/unsafe|upgrade|https?:|\*/);
  }
});

test('with real settings there is no such page, and no phone', async () => {
  const app = await startApp({ env: realSettings('http://127.0.0.1:9') });
  for (const path of ['/', '/sandbox/demo/phone.html', '/sandbox/demo/phone.js', '/sandbox/demo/page.js']) {
    const { status, body } = await app.call('GET', path);
    expect([path, status, body.code]).toEqual([path, 404, 'not_found']);
  }
});

describe.skipIf(!inject('chromium'))('in a browser', () => {
  const browser = useBrowser();

  async function open(path = '/', options: Parameters<typeof browser.open>[2] = {}) {
    const app = await startApp();
    const shown = await browser.open(app, path, options);
    await shown.phone.getByRole('button', { name: '微信登录' }).waitFor();
    return { app, shown };
  }

  async function logIn({ phone }: Shown): Promise<void> {
    await phone.getByRole('button', { name: '微信登录' }).click();
    await phone.getByRole('button', { name: '允许' }).click();
    await phone.locator('.name').waitFor();
  }

  /** Whether all of an element is inside the story. */
  const IN_SIGHT = (element: object): boolean => {
    const rect = (each: unknown) =>
      (each as { getBoundingClientRect(): { top: number; bottom: number } }).getBoundingClientRect();
    const list = rect((element as { closest(selector: string): unknown }).closest('#story'));
    const { top, bottom } = rect(element);
    return top >= list.top && bottom <= list.bottom + 1;
  };

  const HAS_FOCUS = (element: object) => {
    const { ownerDocument } = element as { ownerDocument: { activeElement: unknown } };
    return ownerDocument.activeElement === element;
  };

  const press = ({ page }: Shown, name: string, pressed: boolean) =>
    page.getByRole('button', { name, pressed: !pressed, exact: true }).click();
  const isPressed = ({ page }: Shown, name: string) =>
    page.getByRole('button', { name, pressed: true, exact: true }).waitFor();

  test('a login that a Wi-Fi’s portal answers is said on the page, and the next tap logs in', async () => {
    const { shown } = await open();
    const portal = "<script>top.self.location.href='http://10.0.0.1/'</script>";
    await shown.page.route(
      '**/api/wxuser',
      (route) => route.fulfill({ status: 200, contentType: 'text/html', body: portal }),
      { times: 1 },
    );
    await shown.phone.getByRole('button', { name: '微信登录' }).click();
    await shown.phone.getByRole('button', { name: '允许' }).click();
    await shown.phone.getByText('收到的不是登录服务器的回复').waitFor();
    await logIn(shown);
  });

  test('tells what happens step by step, with what was sent and answered, and no token and no key', async () => {
    const { app, shown } = await open();
    const [answer] = await Promise.all([shown.page.waitForResponse(/\/api\/wxuser$/), logIn(shown)]);
    const { token } = (await answer.json()) as { token: string };
    const story = shown.page.getByRole('log');
    await story.getByText('GET jscode2session').waitFor();
    await story.getByText('POST /api/wxuser').waitFor();
    const heads = await story.locator('summary').allTextContents();
    expect(heads.map((head) => head.replace(/ \d+ ms$/, ''))).toEqual([
      'wx.login ok',
      'wx.getUserProfile ok',
      'POST /api/wxuser 200',
      'GET jscode2session 200',
    ]);
    // And once only, however often the page looks.
    for (let looks = 0; looks < 2; looks++) await shown.page.waitForResponse(/\/control\/state$/);
    expect(await story.getByText('GET jscode2session').count()).toBe(1);
    await story.getByText('POST /api/wxuser').click();
    const details = story.locator('.request details[open] pre');
    expect(JSON.parse((await details.first().textContent()) ?? '')).toMatchObject({
      code: expect.stringMatching(/^0/),
    });
    expect(JSON.parse((await details.last().textContent()) ?? '')).toMatchObject({
      status: 200,
      isNew: true,
    });

    const page = (await shown.page.locator('body').textContent()) ?? '';
    for (const part of token.split('.').slice(1)) expect(page).not.toContain(part);
    const sessionKey = await readSessionKey(app);
    expect(page).not.toContain(sessionKey);
  });

  test('keeps the newest in sight, though an entry was opened, until its reader goes back', async () => {
    const { shown } = await open();
    await logIn(shown);
    const story = shown.page.getByRole('log');
    await story.getByText('POST /api/wxuser').click();
    const ask = async (times: number) => {
      for (let i = 0; i < times; i++) {
        await shown.page.getByRole('button', { name: '同时发十个请求' }).click();
        await expect.poll(() => story.getByText('同时发十个请求').count()).toBe(i + 1);
      }
    };
    await ask(3);
    const last = story.locator('summary').last();
    await expect(last.evaluate(IN_SIGHT)).resolves.toBe(true);
    await story.evaluate('document.getElementById("story").scrollTo(0, 0)');
    await shown.page.getByRole('button', { name: '封禁' }).click();
    await story.getByText('封禁').waitFor();
    await expect(last.evaluate(IN_SIGHT)).resolves.toBe(false);
  });

  test('shows the token decoded with its remaining life, the row as it changes, and the sessions', async () => {
    const { app, shown } = await open();
    await shown.page.getByText('手机里没有 token').waitFor();
    await logIn(shown);
    await shown.page.getByText(/^有效，还剩 6 天 23:5\d:\d\d$/).waitFor();
    const claims = shown.page.locator('#claims');
    await claims.getByText('weapp-login').waitFor();
    const [row] = await app.rows();
    const shownRow = shown.page.locator('#row');
    await shownRow.getByText(String(row?.user_id)).waitFor();
    await shown.page
      .locator('#sessions .mine')
      .getByText(/Linux|Mac|Windows/)
      .waitFor();
    await press(shown, '封禁', true);
    await isPressed(shown, '封禁');
    expect(await shownRow.locator('.changed').allTextContents()).toContain('banned');
    await shown.page.getByText('用户已被封禁').waitFor();
  });

  test('a button tells what came of it, though a look was under way', async () => {
    const { shown } = await open();
    await logIn(shown);
    let hold: (() => void) | undefined;
    await shown.page.route(
      /\/demo\/users\/Ada$/,
      async (route) => {
        const response = await route.fetch();
        await new Promise<void>((resolve) => {
          hold = resolve;
        });
        await route.fulfill({ response });
      },
      { times: 1 },
    );
    await expect.poll(() => hold !== undefined).toBe(true);
    const banned = shown.page.waitForResponse((response) => response.request().method() === 'PUT');
    await press(shown, '封禁', true);
    await banned;
    hold?.();
    await shown.page.getByRole('log').getByText('封禁').waitFor();
    await isPressed(shown, '封禁');
    expect(await shown.page.locator('#story .deed summary').allTextContents()).toEqual(['封禁 完成']);
  });

  test('somebody else has another phone; another phone of the same user has a login of its own', async () => {
    const { app, shown } = await open();
    await logIn(shown);
    await shown.page.getByLabel('这是谁的手机').fill('<b>小明</b>');
    await shown.page.getByRole('button', { name: '换人' }).click();
    await shown.phone.getByRole('button', { name: '微信登录' }).waitFor();
    await shown.page.locator('#row:empty[data-empty="没有：还没有登录过"]').waitFor({ state: 'attached' });
    await shown.phone.getByRole('button', { name: '微信登录' }).click();
    await shown.phone.getByRole('dialog').getByText('<b>小明</b>').waitFor();
    await shown.phone.getByRole('button', { name: '允许' }).click();
    await shown.phone.locator('.name', { hasText: '<b>小明</b>' }).waitFor();
    await shown.page.locator('#row').getByText('<b>小明</b>').waitFor();
    expect((await app.rows()).map(({ nickName }) => nickName)).toEqual(['Ada', '<b>小明</b>']);

    const other = shown.page.context().waitForEvent('page');
    await shown.page.getByRole('link', { name: '打开此人的另一台手机' }).click();
    const second = await other;
    await second.frameLocator('#frame').getByRole('button', { name: '微信登录' }).waitFor();
    // The first phone is logged in still.
    await shown.phone.getByText('<b>小明</b>').waitFor();
  });

  test('what is deleted from the phone is forgotten there; its session stays until it ends', async () => {
    const { shown } = await open();
    await logIn(shown);
    await shown.page.locator('#sessions li').waitFor();
    await shown.page.getByRole('button', { name: '删除小程序' }).click();
    await shown.phone.getByRole('button', { name: '微信登录' }).waitFor();
    await shown.page.getByText('手机里没有 token').waitFor();
    expect(await shown.page.locator('#sessions li').count()).toBe(1);
  });

  test('a new session_key is one that WeChat has not had', async () => {
    const { app, shown } = await open();
    await logIn(shown);
    const fingerprint = async () =>
      (await app.call('GET', '/sandbox/control/sessions')).body[0]?.keyFingerprint;
    const before = await fingerprint();
    expect(before).toMatch(/^[0-9a-f]{8}$/);
    await shown.page.getByRole('button', { name: '换 session_key' }).click();
    await expect.poll(fingerprint).toBeUndefined();
    await shown.phone.getByRole('button', { name: '退出登录' }).click();
    await logIn(shown);
    expect(await fingerprint()).not.toBe(before);
  });

  test('a button that cannot work says why', async () => {
    const { shown } = await open();
    await shown.page.getByRole('button', { name: '让 token 过期' }).click();
    await shown.page.getByText('手机里没有 token：先登录').waitFor();
    await press(shown, '封禁', true);
    await shown.page.locator('#status').getByText('没有这个接口或记录').waitFor();
  });

  test('a server that does not answer is said so, and what was known stays', async () => {
    const { app, shown } = await open();
    await logIn(shown);
    await shown.page.locator('#row').getByText('Ada').waitFor();
    await app.stopServer();
    await shown.page.getByText('服务器没有应答').waitFor();
    expect(await shown.page.locator('#row').textContent()).toContain('Ada');
    await shown.page.close();
    expect(shown.problems.filter((problem) => !problem.includes('ERR_CONNECTION_REFUSED'))).toEqual([]);
    shown.problems.splice(0);
  });

  test('all of it works with a keyboard', async () => {
    const { app, shown } = await open();
    const { page } = shown;
    const focused = () =>
      page.evaluate(`(() => {
      const inner = document.activeElement?.contentDocument ?? document;
      return inner.activeElement?.textContent?.trim() || inner.activeElement?.id;
    })()`);
    async function tabTo(what: string): Promise<void> {
      for (let i = 0; i < 60 && (await focused()) !== what; i++) await page.keyboard.press('Tab');
      expect(await focused()).toBe(what);
    }
    await tabTo('微信登录');
    await page.keyboard.press('Enter');
    await tabTo('允许');
    await page.keyboard.press('Enter');
    await shown.phone.locator('.name').waitFor();
    await tabTo('我的资料');
    await page.keyboard.press('Enter');
    await shown.phone.getByLabel('昵称').waitFor();
    expect(await shown.phone.getByRole('heading', { name: '我的资料' }).evaluate(HAS_FOCUS)).toBe(true);
    await tabTo('匿名资料');
    await page.keyboard.press('Space');
    await isPressed(shown, '匿名资料');
    await tabTo('wx.login ok');
    await page.keyboard.press('Enter');
    expect(await page.locator('#story details[open]').count()).toBe(1);
    // A question is left with Escape, and that is a no.
    await shown.phone.getByRole('button', { name: '返回' }).focus();
    await page.keyboard.press('Enter');
    await expect.poll(focused).toBe('我的资料'); // where he had left
    await tabTo('注销账号');
    await page.keyboard.press('Enter');
    await shown.phone.getByRole('dialog', { name: '注销账号' }).waitFor();
    await page.keyboard.press('Escape');
    await shown.phone.getByRole('dialog').waitFor({ state: 'detached' });
    await shown.phone.getByRole('button', { name: '注销账号', disabled: false }).click({ trial: true });
    await expect.poll(focused).toBe('注销账号');
    expect(await app.rows()).toHaveLength(1);
  });

  test.each(['zh-CN', 'en-US'])('a phone’s width is enough, and nothing is wider: %s', async (locale) => {
    const { shown } = await open('/', {
      locale,
      viewport: { width: 360, height: 740 },
      hasTouch: true,
      isMobile: true,
    });
    await shown.phone.getByRole('button', { name: '微信登录' }).tap();
    await shown.phone.getByRole('button', { name: '允许' }).tap();
    await shown.phone.locator('.name').waitFor();
    await shown.page.locator('#story summary').first().waitFor();
    await shown.page.locator('#sessions li').first().waitFor();
    for (const summary of await shown.page.locator('#story summary').all()) await summary.tap();
    expect(await shown.page.evaluate('document.documentElement.scrollWidth')).toBe(360);
    const wider = `[...document.querySelectorAll('body *')]
      .filter((each) => each.clientWidth > 1 && each.scrollWidth > each.clientWidth + 1 && each.tagName !== 'INPUT')
      .map((each) => each.outerHTML.slice(0, 100))`;
    expect(await shown.page.evaluate(wider)).toEqual([]);
  });

  /** What no page may show: asked as the server asks. */
  async function readSessionKey(app: TestApp): Promise<string> {
    const { code } = (await app.call('POST', '/sandbox/wx/login', { user: 'Ada' })).body;
    const query = new URLSearchParams({
      appid: 'wxsandbox000000000',
      secret: '5a0db0c55a0db0c55a0db0c55a0db0c5',
      js_code: code,
      grant_type: 'authorization_code',
    });
    const answer = await app.call('GET', `/sandbox/sns/jscode2session?${query}`);
    return JSON.parse(answer.body).session_key;
  }
});
