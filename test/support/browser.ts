import {
  type Browser,
  type BrowserContextOptions,
  chromium,
  type FrameLocator,
  type Page,
} from 'playwright-core';
import { afterAll, beforeAll, expect, inject, onTestFinished } from 'vitest';
import { keepSecretsOf } from './no-secrets.ts';

/** A page of the browser, with the phone in it. */
export interface Shown {
  readonly page: Page;
  readonly phone: FrameLocator;
  /** What it asked for, in order: `POST /api/wxuser 200`. */
  readonly asked: readonly string[];
  /** What went wrong in its scripts, and what it asked of others: the test fails if there is any left. */
  readonly problems: string[];
}

// As root it has no sandbox of its own; the others keep it from asking its maker's servers.
const ARGS = [
  '--no-sandbox',
  '--disable-quic',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** A headless browser for this file's tests; each opens pages that share nothing. */
export function useBrowser() {
  let browser: Browser;
  beforeAll(async () => {
    const executablePath = inject('chromium');
    if (executablePath) browser = await chromium.launch({ executablePath, args: ARGS });
  });
  afterAll(() => browser?.close());

  return {
    /** Opens a page of a server. */
    async open(
      app: { readonly url: string },
      path = '/',
      options: BrowserContextOptions = {},
    ): Promise<Shown> {
      const context = await browser.newContext({
        locale: 'zh-CN',
        viewport: { width: 1440, height: 1000 },
        ...options,
      });
      const page = await context.newPage();
      context.setDefaultTimeout(10_000);
      const asked: string[] = [];
      const problems: string[] = [];
      context.on('weberror', (error) => problems.push(error.error().message));
      context.on('console', (message) => {
        // The browser says so of every answer that is no success.
        const said = message.text();
        if (
          ['error', 'warning'].includes(message.type()) &&
          !/the server responded with a status of/.test(said)
        )
          problems.push(said);
      });
      context.on('response', async (response) => {
        const { origin, pathname } = new URL(response.url());
        asked.push(`${response.request().method()} ${pathname} ${response.status()}`);
        if (!response.url().startsWith('blob:') && origin !== app.url) problems.push(`asked ${origin}`);
        if (/json/.test(response.headers()['content-type'] ?? ''))
          keepSecretsOf(await response.json().catch(() => ({})));
      });
      onTestFinished(async () => {
        await context.close();
        expect(problems, 'what went wrong in the browser').toEqual([]);
      });
      await page.goto(app.url + path);
      return { page, phone: page.frameLocator('#frame'), asked, problems };
    },
  };
}
