import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type Browser, chromium, type Locator, type Page } from 'playwright-core';
import sharp from 'sharp';
import { findChromium } from './find-chromium.ts';

// Takes the pictures of the documents: `npm run screenshots`. It runs from build/preview/.
const root = fileURLToPath(new URL('../../', import.meta.url));
const out = `${root}docs/images`;
const GAP = 24;

const browser = await chromium.launch({
  executablePath: findChromium() ?? 'chromium',
  args: ['--no-sandbox'],
});
const folder = await mkdtemp(join(tmpdir(), 'weapp-screenshots-'));
const server = spawn(process.execPath, [`${root}dist/cli/main.js`], {
  cwd: folder,
  env: { PATH: process.env['PATH'], PORT: '0' },
  stdio: ['ignore', 'pipe', 'inherit'],
});
const ended = once(server, 'close');
try {
  const url = await urlOf(server.stdout);
  await mkdir(out, { recursive: true });
  await takePage(browser, url, 'zh-CN', `${out}/page.zh-CN.png`);
  await takePage(browser, url, 'en-US', `${out}/page.png`);
  await takePhone(browser, url);
} finally {
  await browser.close();
  server.kill();
  await ended;
  await rm(folder, { recursive: true });
}

/** The page at / after a login, a change of the name and an expired token. */
async function takePage(browser: Browser, url: string, locale: string, path: string): Promise<void> {
  const page = await (
    await browser.newContext({ locale, viewport: { width: 1440, height: 1040 } })
  ).newPage();
  await page.goto(`${url}/?user=${locale === 'en-US' ? 'Ada' : encodeURIComponent('小艾')}`);
  const phone = page.frameLocator('#frame');
  const tap = (name: string) => phone.getByRole('button', { name, exact: true }).click();
  await tap('微信登录');
  await tap('允许');
  await gone(phone.getByText('登录成功'));
  await page.locator('#expire').click();
  await page.locator('#life:not(.good)').waitFor();
  await phone.getByRole('link', { name: '我的资料' }).click();
  await tap('手机号 点击绑定');
  await tap('允许');
  await gone(phone.getByText('手机号已绑定'));
  await page.locator('#story').getByText('getuserphonenumber').waitFor();
  await page.locator('#life.good').waitFor();
  await page.screenshot({ path });
  await page.context().close();
}

/** Four screens of the mini program, side by side. */
async function takePhone(browser: Browser, url: string): Promise<void> {
  const page = await (await browser.newContext({ viewport: { width: 375, height: 700 } })).newPage();
  await page.goto(`${url}/sandbox/demo/phone.html?user=Grace`);
  const tap = (name: string) => page.getByRole('button', { name, exact: true }).click();
  const screens = [await screen(page)];
  await tap('微信登录');
  await page.getByRole('dialog').waitFor();
  screens.push(await screen(page));
  await tap('允许');
  await gone(page.getByText('登录成功'));
  screens.push(await screen(page));
  await page.getByRole('link', { name: '我的资料' }).click();
  await tap('手机号 点击绑定');
  await tap('允许');
  await gone(page.getByText('手机号已绑定'));
  screens.push(await screen(page));
  const width = screens.length * (375 + GAP) + GAP;
  await sharp({ create: { width, height: 700 + 2 * GAP, channels: 3, background: '#fff' } })
    .composite(screens.map((input, at) => ({ input, left: GAP + at * (375 + GAP), top: GAP })))
    .png({ palette: true })
    .toFile(`${out}/phone.png`);
}

/** Waits for a toast, and for its end. */
async function gone(toast: Locator): Promise<void> {
  await toast.waitFor();
  await toast.waitFor({ state: 'detached' });
}

async function screen(page: Page): Promise<Buffer> {
  await page.waitForLoadState('networkidle');
  return page.screenshot();
}

/** Where the server says that it listens. */
async function urlOf(output: NodeJS.ReadableStream): Promise<string> {
  for await (const line of createInterface({ input: output })) {
    const [, url] = /"url":"([^"]+)"/.exec(line) ?? [];
    if (url) return url;
  }
  throw new Error('the server did not start');
}
