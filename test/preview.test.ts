import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import express from 'express';
import { describe, expect, inject, onTestFinished, test } from 'vitest';
import { buildPreview } from '../preview/build/build.ts';
import { useBrowser } from './support/browser.ts';

const here = (path: string) => fileURLToPath(new URL(`../${path}`, import.meta.url));
const preview = here('preview');

type Files = Readonly<Record<string, string>>;

const ONE_PAGE: Files = {
  'app.json': '{"pages": ["pages/one/one"], "window": {"navigationBarTitleText": "One"}}',
  'app.ts': 'App({});',
  'pages/one/one.json': '{}',
  'pages/one/one.ts': 'Page({ data: { text: "hello" } });',
  'pages/one/one.wxml': '<view class="text">{{text}}</view>',
};

/** Writes a mini program, and builds it. */
async function build(changes: Files): Promise<string> {
  const folder = mkdtempSync(join(inject('folder'), 'preview-'));
  const miniprogram = join(folder, 'miniprogram');
  for (const [path, text] of Object.entries({ ...ONE_PAGE, ...changes })) {
    mkdirSync(dirname(join(miniprogram, path)), { recursive: true });
    writeFileSync(join(miniprogram, path), text);
  }
  const out = join(folder, 'out');
  await buildPreview({ miniprogram, preview, out });
  return out;
}

describe('the build', () => {
  test('makes of miniprogram/ what a browser needs: under 250 KiB, nothing that evaluates texts', async () => {
    const out = join(mkdtempSync(join(inject('folder'), 'preview-')), 'out');
    const built = await buildPreview({ miniprogram: here('miniprogram'), preview, out });
    expect(built.pages).toBe(3);
    expect(statSync(join(out, 'phone.js')).size).toBe(built.size);
    expect(built.size).toBeLessThan(250 * 1024);
    const script = readFileSync(join(out, 'phone.js'), 'utf8');
    expect(script).not.toMatch(/\beval\(|new Function\b/);
    expect(script).not.toContain('localhost:8888');
    expect(readFileSync(join(out, 'glass-easel.LICENSE'), 'utf8')).toContain('Permission is hereby granted');
  });

  test.each<[string, Files, string]>([
    [
      'a tag that is not closed',
      { 'pages/one/one.wxml': '<view>\n  <text>{{text}}\n</view>' },
      'pages/one/one.wxml:2:',
    ],
    ['braces that are not closed', { 'pages/one/one.wxml': '<view>{{text}</view>' }, 'pages/one/one.wxml:1:'],
    [
      'a component that the preview lacks',
      { 'pages/one/one.wxml': '\n<picker>x</picker>' },
      'pages/one/one.wxml:2 the preview has no <picker>',
    ],
    [
      'a mistake in an imported template',
      {
        'pages/one/one.wxml': '<import src="../../t.wxml" />',
        't.wxml': '<template name="t"><view></template>',
      },
      't.wxml:1:',
    ],
    [
      'usingComponents',
      { 'pages/one/one.json': '{"usingComponents": {"x": "/x"}}' },
      'pages/one/one.json: the preview has no usingComponents',
    ],
    [
      'usingComponents of the app',
      { 'app.json': '{"pages": ["pages/one/one"], "usingComponents": {}}' },
      'app.json: the preview has no usingComponents',
    ],
    [
      'tabs',
      { 'app.json': '{"pages": ["pages/one/one"], "tabBar": {}}' },
      'app.json: the preview has no tabBar',
    ],
    [
      'a template that is not there',
      { 'pages/one/one.wxml': '<import src="../../gone.wxml" />' },
      'pages/one/one.wxml imports gone.wxml, which is empty or not there',
    ],
    ['no pages', { 'app.json': '{}' }, 'app.json names no pages'],
    [
      'a component in capitals',
      { 'pages/one/one.wxml': '<Picker>x</Picker>' },
      'pages/one/one.wxml:1 the preview has no <Picker>',
    ],
    [
      'a script of WXML that is not there',
      { 'pages/one/one.wxml': '<wxs src="../../gone.wxs" module="m" />' },
      'pages/one/one.wxml wants gone.wxs, which is not there',
    ],
    [
      'what a page’s bar could be in WeChat',
      { 'pages/one/one.json': '{"navigationStyle": "custom"}' },
      'pages/one/one.json: the preview has no navigationStyle',
    ],
    ['WXSS that is none', { 'pages/one/one.wxss': '.a {\n  color red;\n}' }, 'pages/one/one.wxss:2:'],
    ['a WXSS block that is not closed', { 'app.wxss': '.a {\n  color: red;\n' }, 'app.wxss:3:'],
    ['JSON that is none', { 'pages/one/one.json': '{' }, 'pages/one/one.json: '],
    [
      'a page without its files',
      { 'app.json': '{"pages": ["pages/two/two"]}' },
      'app.json asks for pages/two/two.wxml, which is not there',
    ],
    ['a script that does not compile', { 'pages/one/one.ts': 'Page({' }, 'pages/one/one.ts:1:7 '],
  ])('ends at %s, and says where', async (_what, changes, place) => {
    const failure = await build(changes).then(
      () => '',
      ({ name, message }: Error) => `${name} ${message}`,
    );
    expect(failure.slice(0, `BuildError ${place}`.length)).toBe(`BuildError ${place}`);
  });

  test('reads no comments', async () => {
    const wxml = '<!-- <picker bindtap="gone" /> --><view>{{text}}</view>';
    expect(existsSync(await build({ 'pages/one/one.wxml': wxml }))).toBe(true);
  });

  test('takes a < in an expression for what it is', async () => {
    const wxml = '<view wx:if="{{text.length<limit}}">{{ text<limit ? 1 : 2 }}</view>';
    expect(existsSync(await build({ 'pages/one/one.wxml': wxml }))).toBe(true);
  });

  test('leaves the steps of an animation as they are', async () => {
    const out = await build({
      'pages/one/one.wxss': '@keyframes a { from { opacity: 0; } } .a { animation: a 1s; }',
    });
    const css = readFileSync(join(out, 'phone.css'), 'utf8');
    expect(css).toMatch(/@keyframes a\{(?:from|0%)\{opacity:0\}\}/);
    expect(css).toContain(':where([data-page="pages/one/one"]) .a{');
  });

  test('that fails leaves what was built before', async () => {
    const out = await build({});
    const broken = join(out, '../miniprogram/pages/one/one.wxml');
    writeFileSync(broken, '<view>');
    await expect(buildPreview({ miniprogram: join(out, '../miniprogram'), preview, out })).rejects.toThrow(
      'one.wxml:1:',
    );
    expect(statSync(join(out, 'phone.js')).size).toBeGreaterThan(0);
    // Whatever part of it fails.
    writeFileSync(broken, '<view />');
    await expect(
      buildPreview({ miniprogram: join(out, '../miniprogram'), preview: join(out, 'no-preview'), out }),
    ).rejects.toThrow();
    expect(statSync(join(out, 'phone.js')).size).toBeGreaterThan(0);
  });

  test('needs no pictures, and takes those there are', async () => {
    expect(existsSync(join(await build({}), 'images'))).toBe(false);
    const out = await build({ 'images/a.svg': '<svg/>', 'pages/one/notes.txt': 'no' });
    expect(readFileSync(join(out, 'images/a.svg'), 'utf8')).toBe('<svg/>');
    expect(existsSync(join(out, 'pages'))).toBe(false);
  });
});

describe.skipIf(!inject('chromium'))('the phone', () => {
  const browser = useBrowser();

  /** Serves a built mini program alone, and opens it. */
  async function open(changes: Files) {
    const out = await build(changes);
    const app = express().use(express.static(out));
    app.all('/echo', express.text({ type: () => true }), ({ method, headers, query, body = '' }, res) =>
      res.json({ method, type: headers['content-type'], query, body }),
    );
    app.all('/never', () => {});
    const server = app.listen(0, '127.0.0.1');
    onTestFinished(() => {
      server.close();
      server.closeAllConnections();
    });
    await once(server, 'listening');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    return browser.open({ url }, '/phone.html');
  }

  /** Opens it, and waits for the one error that its scripts have, however often. */
  async function errorOf(changes: Files): Promise<string> {
    const { page, problems } = await open(changes);
    await expect.poll(() => problems[0]).toBeDefined();
    await page.evaluate('0'); // what was thrown beside it is told before this is answered
    return [...new Set(problems.splice(0))].join();
  }

  test.each<[string, Files, string]>([
    [
      'a handler that WXML names and the script lacks, wherever it is used',
      { 'pages/one/one.wxml': '\n<view wx:if="{{false}}" bind:tap="gone">x</view>' },
      'pages/one/one.wxml:2: the page has no gone()',
    ],
    [
      'one in single quotes',
      { 'pages/one/one.wxml': "<view catchtap='gone'>x</view>" },
      'pages/one/one.wxml:1: the page has no gone()',
    ],
    [
      'one of a template that is imported',
      {
        'pages/one/one.wxml': '<import src="../../t.wxml" />',
        't.wxml': '<template name="t">\n<view capture-bind:tap="goneToo">x</view></template>',
      },
      't.wxml:2: the page has no goneToo()',
    ],
    [
      'what WeChat would call of a page, and the phone does not',
      { 'pages/one/one.ts': 'Page({ onPullDownRefresh() {} });' },
      'pages/one/one.ts: the preview has no onPullDownRefresh()',
    ],
    [
      'what WeChat would call of the app',
      { 'app.ts': 'App({ onError() {} });' },
      'app.ts: the preview has no onError()',
    ],
    [
      'a picture that is named from the page',
      { 'pages/one/one.wxml': '<image src="../../a.png" />' },
      'the preview wants <image src> from the root',
    ],
    [
      'a function of wx that it lacks',
      { 'pages/one/one.ts': 'Page({ onLoad() { wx.scanCode({}); } });' },
      'the preview has no wx.scanCode',
    ],
  ])('is not silent about %s', async (_what, changes, message) => {
    expect(await errorOf(changes)).toContain(message);
  });

  test('is not silent about what a tap throws', async () => {
    const shown = await open({
      'pages/one/one.ts': 'Page({ go() { wx.scanCode({}); } });',
      'pages/one/one.wxml': '<button bindtap="go">go</button>',
    });
    await shown.page.getByRole('button', { name: 'go' }).click();
    await expect
      .poll(() => shown.problems)
      .toEqual([expect.stringContaining('the preview has no wx.scanCode')]);
    shown.problems.splice(0);
  });

  test('is not silent about what a page does wrong while it opens and closes, and goes on', async () => {
    const shown = await open({
      'app.json':
        '{"pages": ["pages/one/one", "pages/two/two"], "window": {"navigationBarTitleText": "One"}}',
      'pages/one/one.wxml':
        '<navigator url="/pages/two/two">two</navigator><navigator url="/pages/gone/gone">gone</navigator>',
      'pages/two/two.json': '{"navigationBarTitleText": "Two"}',
      'pages/two/two.ts':
        'Page({ onLoad() { throw new Error("at load"); }, onUnload() { throw new Error("at unload"); } });',
      'pages/two/two.wxml': '<view>this is two</view>',
    });
    await shown.page.getByRole('link', { name: 'two' }).click();
    await shown.page.getByRole('heading', { name: 'Two' }).waitFor();
    await shown.page.getByRole('button', { name: '返回' }).click();
    await shown.page.getByRole('heading', { name: 'One' }).waitFor();
    await shown.page.getByRole('link', { name: 'gone' }).click();
    await expect.poll(() => shown.problems.length).toBe(3);
    expect(shown.problems.splice(0)).toEqual([
      expect.stringContaining('at load'),
      expect.stringContaining('at unload'),
      expect.anything(), // the browser knows no text of what wx fails with
    ]);
  });

  test('is not silent about an open-type that it lacks', async () => {
    const shown = await open({ 'pages/one/one.wxml': '<button open-type="share">share</button>' });
    await shown.page.getByRole('button', { name: 'share' }).click();
    await expect.poll(() => shown.problems).toEqual([expect.stringContaining('<button open-type="share">')]);
    shown.problems.splice(0);
    const tabs = await open({
      'pages/one/one.wxml': '<navigator open-type="switchTab" url="/pages/one/one">tab</navigator>',
    });
    await tabs.page.getByRole('link', { name: 'tab' }).click();
    await expect
      .poll(() => tabs.problems)
      .toEqual([expect.stringContaining('<navigator open-type="switchTab">')]);
    tabs.problems.splice(0);
  });

  test('getUserProfile works in a tap only, and not after it', async () => {
    const { page: window } = await open({
      'pages/one/one.ts': `Page({
        data: { said: '' },
        async late() {
          await Promise.resolve();
          wx.getUserProfile({ desc: 'x', fail: ({ errMsg }: { errMsg: string }) => this.setData({ said: errMsg }) });
        },
      });`,
      'pages/one/one.wxml': '<button bindtap="late">late</button><view>{{said}}</view>',
    });
    await window.getByRole('button', { name: 'late' }).click();
    await window.getByText('getUserProfile:fail can only be invoked by user TAP gesture.').waitFor();
  });

  test('pages live as in WeChat, with their query, and back again', async () => {
    const page = (name: string) => `Page({
      data: { seen: [] as string[] },
      see(what: string) {
        this.setData({ seen: [...this.data.seen, what] });
        getApp().seen.push('${name} ' + what);
      },
      onLoad(query: object) { this.see('load ' + JSON.stringify(query)); },
      onShow() { this.see('show'); },
      onReady() { this.see('ready'); },
      onHide() { this.see('hide'); },
      onUnload() { this.see('unload'); },
      go() { wx.navigateTo({ url: '/pages/two/two?a=1' }); },
    });`;
    const { page: window } = await open({
      'app.json':
        '{"pages": ["pages/one/one", "pages/two/two"], "window": {"navigationBarTitleText": "App"}}',
      'app.ts': 'App({ seen: [] as string[] });',
      'pages/one/one.ts': page('one'),
      'pages/one/one.wxml': '<button bindtap="go">go</button><view class="seen">{{seen.length}}</view>',
      'pages/two/two.json': '{"navigationBarTitleText": "Two"}',
      'pages/two/two.ts': page('two'),
      'pages/two/two.wxml': '<view wx:for="{{seen}}" wx:key="*this">{{index}} {{item}}</view>',
    });
    expect(await window.getByRole('heading').textContent()).toBe('App');
    // The keyboard taps too.
    await window.getByRole('button', { name: 'go' }).focus();
    await window.keyboard.press('Enter');
    await window.getByText('0 load {"a":"1"}').waitFor();
    expect(await window.getByRole('heading').textContent()).toBe('Two');
    expect(await window.getByRole('button', { name: 'go' }).count()).toBe(0);
    await window.getByRole('button', { name: '返回' }).click();
    await window.getByRole('button', { name: 'go' }).waitFor();
    expect(await window.evaluate('getApp().seen')).toEqual([
      ...['one load {}', 'one show', 'one ready', 'one hide'],
      ...['two load {"a":"1"}', 'two show', 'two ready', 'two unload'],
      'one show',
    ]);
  });

  test('a form gives the values of its fields; a style sheet of one page leaves the others alone', async () => {
    const { page: window } = await open({
      'app.json': '{"pages": ["pages/one/one", "pages/two/two"]}',
      'app.wxss': 'view.box { width: 375rpx; opacity: 0.5; }',
      // What weighs less than app.wxss loses, as in WeChat.
      'pages/one/one.wxss': '.box { color: rgb(1, 2, 3); opacity: 1; } page { background: rgb(4, 5, 6); }',
      'pages/one/one.ts':
        'Page({ data: { sent: "" }, send({ detail }: { detail: object }) { this.setData({ sent: JSON.stringify(detail) }); } });',
      'pages/one/one.wxml':
        '<form bindsubmit="send"><input name="who" placeholder="who" /><button form-type="submit">send</button></form><view class="box">{{sent}}</view><navigator url="/pages/two/two">two</navigator>',
      'pages/two/two.ts': 'Page({});',
      'pages/two/two.wxml': '<view class="box">two</view>',
    });
    await window.getByPlaceholder('who').fill('Ada');
    await window.getByRole('button', { name: 'send' }).click();
    await window.getByText('{"value":{"who":"Ada"}}').waitFor();
    const look = (name: string) =>
      window.evaluate(`(() => {
        const page = document.querySelector('page[data-page="pages/${name}/${name}"]');
        const box = getComputedStyle(page.querySelector('.box'));
        return [getComputedStyle(page).backgroundColor, box.color, box.width, box.opacity];
      })()`);
    const half = `${(window.viewportSize()?.width ?? 0) / 2}px`;
    expect(await look('one')).toEqual(['rgb(4, 5, 6)', 'rgb(1, 2, 3)', half, '0.5']);
    await window.getByRole('link', { name: 'two' }).click();
    await window.getByText('two').last().waitFor();
    expect(await look('two')).toEqual(['rgba(0, 0, 0, 0)', 'rgb(0, 0, 0)', half, '0.5']);
  });

  test('a page takes the place of another, or of all; where there is none, nothing changes and the call fails', async () => {
    const page = `Page({
      onHide() { getApp().seen.push(this.route + ' hide'); },
      onUnload() { getApp().seen.push(this.route + ' unload'); },
    });`;
    const { page: window } = await open({
      'app.json': '{"pages": ["pages/one/one", "pages/two/two", "pages/three/three"]}',
      'app.ts': 'App({ seen: [] as string[] });',
      ...Object.fromEntries(
        ['one', 'two', 'three'].flatMap((name) => [
          [`pages/${name}/${name}.ts`, page],
          [`pages/${name}/${name}.wxml`, `<view>this is ${name}</view>`],
        ]),
      ),
    });
    const call = (name: string, options: object) =>
      window.evaluate(
        `wx.${name}(${JSON.stringify(options)}).then(({ errMsg }) => errMsg, ({ errMsg }) => errMsg)`,
      );
    const routes = () => window.evaluate('getCurrentPages().map(({ route }) => route)');
    expect(await call('navigateBack', {})).toBe('navigateBack:fail cannot navigate back at first page.');
    expect(await call('reLaunch', { url: '/pages/gone/gone' })).toBe(
      'reLaunch:fail page "pages/gone/gone" is not found',
    );
    expect(await routes()).toEqual(['pages/one/one']);

    expect(await call('navigateTo', { url: '/pages/two/two' })).toBe('navigateTo:ok');
    expect(await call('redirectTo', { url: '/pages/three/three' })).toBe('redirectTo:ok');
    await window.getByText('this is three').waitFor();
    expect(await routes()).toEqual(['pages/one/one', 'pages/three/three']);
    expect(await call('navigateBack', { delta: 9 })).toBe('navigateBack:ok');
    await window.getByText('this is one').waitFor();
    expect(await call('reLaunch', { url: '/pages/two/two' })).toBe('reLaunch:ok');
    await window.getByText('this is two').waitFor();
    expect(await window.evaluate('getApp().seen')).toEqual(
      ['one hide', 'two unload', 'three unload', 'one unload'].map((each) =>
        each.replace(/\w+/, 'pages/$&/$&'),
      ),
    );
  });

  test('Enter in a field is its confirm, and sends no form', async () => {
    const { page: window } = await open({
      'pages/one/one.ts': `Page({
        data: { said: '' },
        said({ type, detail }: { type: string; detail: object }) { this.setData({ said: type + JSON.stringify(detail) }); },
      });`,
      'pages/one/one.wxml':
        '<form bindsubmit="said"><input placeholder="who" bindconfirm="said" /></form><view>{{said}}</view>',
    });
    await window.getByPlaceholder('who').fill('Ada');
    await window.keyboard.press('Enter');
    await window.getByText('confirm{"value":"Ada"}').waitFor();
  });

  test('what is hidden is not seen; what is typed is heard once', async () => {
    const { page: window } = await open({
      'pages/one/one.ts': `Page({
        data: { heard: [] as object[] },
        hear({ detail }: { detail: object }) { this.setData({ heard: [...this.data.heard, detail] }); },
      });`,
      'pages/one/one.wxml': `<view hidden="{{true}}">unseen</view><input placeholder="who" bindinput="hear" />
        <view wx:for="{{heard}}" wx:key="index">heard {{item.value}}</view>`,
    });
    await window.getByPlaceholder('who').fill('Ada');
    await window.getByText('heard Ada', { exact: true }).waitFor();
    expect(await window.getByText(/heard/).allTextContents()).toEqual(['heard Ada']);
    expect(await window.getByText('unseen').isVisible()).toBe(false);
  });

  test('wx.request sends and answers as in WeChat', async () => {
    const { page: window } = await open({});
    const ask = (options: string) =>
      window.evaluate(`new Promise((tell) => {
        const told = [];
        const hear = (name) => (result) => told.push([name, result.errMsg, result.statusCode, result.data]);
        wx.request({ url: location.origin + '/echo', ...${options}, success: hear('success'), fail: hear('fail'),
          complete: (result) => { hear('complete')(result); tell(told); } });
      })`);
    const both = (...result: unknown[]) => ['success', 'complete'].map((name) => [name, ...result]);
    const form = 'application/x-www-form-urlencoded';
    expect(
      await ask(`{ method: 'POST', header: { 'content-type': '${form}' }, data: { a: 1, b: 'x y' } }`),
    ).toEqual(both('request:ok', 200, { method: 'POST', type: form, query: {}, body: 'a=1&b=x+y' }));
    expect(
      await ask(`{ method: 'POST', header: { 'Content-Type': '${form}' }, data: { f() {} } }`),
    ).toMatchObject([['success', 'request:ok', 200, { type: form }], {}]);
    expect(await ask(`{ method: 'PUT', data: { a: [1] } }`)).toEqual(
      both('request:ok', 200, { method: 'PUT', type: 'application/json', query: {}, body: '{"a":[1]}' }),
    );
    expect(await ask(`{ data: { a: 1 } }`)).toEqual(
      both('request:ok', 200, { method: 'GET', type: 'application/json', query: { a: '1' }, body: '' }),
    );
    // Every status is a success; a text that is no JSON stays one.
    expect(await ask(`{ url: location.origin + '/gone' }`)).toEqual(
      both('request:ok', 404, expect.stringContaining('Cannot GET')),
    );
    expect(await ask(`{ url: location.origin + '/never', timeout: 50 }`)).toEqual(
      ['fail', 'complete'].map((name) => [name, 'request:fail timeout', undefined, undefined]),
    );
  });

  test('buttons weigh what WeChat’s weigh: a plain class does not change their width', async () => {
    const { page: window } = await open({
      'app.wxss': '.wide { width: 100%; } button.wider:not([size="mini"]) { width: 100%; margin: 0; }',
      'pages/one/one.wxml':
        '<button class="wide">one</button><button class="wider">two</button><button size="mini">three</button>',
    });
    const width = async (name: string) => (await window.getByRole('button', { name }).boundingBox())?.width;
    expect([await width('one'), await width('two')]).toEqual([184, window.viewportSize()?.width]);
    expect(await width('three')).toBeLessThan(184);
  });
});
