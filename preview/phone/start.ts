import type { PageConfig, Program } from '../program.ts';
import { createFrame, type Head } from './frame.ts';
import { createFramework } from './framework.ts';
import { createPages } from './pages.ts';
import { type Phone, say } from './phone.ts';
import { storage } from './storage.ts';
import { replaceToken, storedToken } from './token.ts';
import { createWx } from './wx/wx.ts';

/** Switches the phone on: runs the mini program, which fills the window. */
export function start({ config, load, pages: programs }: Program): void {
  addEventListener('error', ({ message }) => say({ kind: 'error', message }));
  addEventListener('unhandledrejection', ({ reason }) =>
    say({ kind: 'error', message: reason?.errMsg ?? String(reason) }),
  );

  const frame = createFrame(() => pages.back(1));
  const framework = createFramework();
  const heads = new Map(programs.map((page) => [page.path, headOf({ ...config.window, ...page.config })]));
  const pages = createPages(framework, frame, heads);
  let app: App = {};
  const phone: Phone = {
    token: storedToken,
    replaceToken,
    requests(count) {
      // What is refused stands in the story already.
      for (let i = 0; i < count; i++) app.session?.request({ url: '/api/wxuser/me' }).catch(() => {});
    },
    clear() {
      for (const key of storage.keys()) storage.remove(key);
    },
  };
  Object.assign(globalThis, {
    phone,
    wx: createWx(pages),
    App: (definition: App) => {
      for (const name of LACKING)
        if (name in definition) throw new Error(`app.ts: the preview has no ${name}()`);
      app = definition;
    },
    getApp: () => app,
    getCurrentPages: pages.stack,
  });
  load();
  for (const program of programs) framework.define(program);
  for (const lifetime of ['onLaunch', 'onShow']) {
    const run = app[lifetime];
    if (typeof run === 'function') run.call(app, { path: config.pages[0], query: {}, scene: 1001 });
  }
  pages.open(config.pages[0] ?? '');
}

/** What WeChat calls of an app and the preview does not. */
const LACKING = ['onHide', 'onError', 'onPageNotFound', 'onUnhandledRejection', 'onThemeChange'];

/** What app.ts gives to App(). */
interface App extends Record<string, unknown> {
  readonly session?: { request(request: { url: string }): Promise<unknown> };
}

function headOf({ navigationBarTitleText = '', navigationBarBackgroundColor = '#000000' }: PageConfig): Head {
  return { title: navigationBarTitleText, color: navigationBarBackgroundColor };
}
