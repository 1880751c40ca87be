import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, statSync, writeFileSync } from 'node:fs';
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
  mkdirSync(join(miniprogram, 'images'), { recursive: true });
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
    ['WXSS that is none', { 'pages/one/one.wxss': '.a {\n  color red;\n}' }, 'pages/one/one.wxss:2:'],
    ['a WXSS block that is not closed', { 'app.wxss': '.a {\n  color: red;\n' }, 'app.wxss:'],
    ['JSON that is none', { 'pages/one/one.json': '{' }, 'pages/one/one.json: '],
    [
      'a page without its files',
      { 'app.json': '{"pages": ["pages/two/two"]}' },
      'app.json names pages/two/two, but pages/two/two.wxml is not there',
    ],
    ['a script that does not compile', { 'pages/one/one.ts': 'Page({' }, 'pages/one/one.ts:1:7 '],
  ])('ends at %s, and says where', async (_what, changes, place) => {
    await expect(build(changes)).rejects.toThrow(place);
  });

  test('that fails leaves what was built before', async () => {
    const out = await build({});
    const broken = join(out, '../miniprogram/pages/one/one.wxml');
    writeFileSync(broken, '<view>');
    await expect(buildPreview({ miniprogram: join(out, '../miniprogram'), preview, out })).rejects.toThrow(
      'one.wxml:1:',
    );
    expect(statSync(join(out, 'phone.js')).size).toBeGreaterThan(0);
  });
});

describe.skipIf(!inject('chromium'))('the phone', () => {
  const browser = useBrowser();

  /** Serves a built mini program alone, and opens it. */
  async function open(changes: Files) {
    const out = await build(changes);
    const server = express().use(express.static(out)).listen(0, '127.0.0.1');
    onTestFinished(() => void server.close());
    await once(server, 'listening');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    return browser.open({ url }, '/phone.html');
  }

  test('a handler that WXML names and the script lacks is an error at the start, wherever it is used', async () => {
    const shown = await open({
      'pages/one/one.wxml': '<import src="../../t.wxml" />\n<view wx:if="{{false}}" bind:tap="gone">x</view>',
      't.wxml': '<template name="t">\n<view catchtap="goneToo">x</view></template>',
    });
    expect(shown.problems.splice(0)).toEqual([
      expect.stringContaining('pages/one/one.wxml:2: the page has no gone()'),
    ]);
    const imported = await open({
      'pages/one/one.wxml': '<import src="../../t.wxml" />',
      't.wxml': '<template name="t">\n<view catchtap="goneToo">x</view></template>',
    });
    expect(imported.problems.splice(0)).toEqual([
      expect.stringContaining('t.wxml:2: the page has no goneToo()'),
    ]);
  });

  test('what it lacks of wx is an error by name', async () => {
    const shown = await open({
      'pages/one/one.ts': 'Page({ data: { text: "" }, onLoad() { wx.scanCode({}); } });',
    });
    await expect
      .poll(() => shown.problems)
      .toEqual([expect.stringContaining('the preview has no wx.scanCode')]);
    shown.problems.splice(0);
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
      'app.wxss': '.box { width: 375rpx; }',
      'pages/one/one.wxss': '.box { color: rgb(1, 2, 3); } page { background: rgb(4, 5, 6); }',
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
        return [getComputedStyle(page).backgroundColor, box.color, box.width];
      })()`);
    const half = `${(window.viewportSize()?.width ?? 0) / 2}px`;
    expect(await look('one')).toEqual(['rgb(4, 5, 6)', 'rgb(1, 2, 3)', half]);
    await window.getByRole('link', { name: 'two' }).click();
    await window.getByText('two').last().waitFor();
    expect(await look('two')).toEqual(['rgba(0, 0, 0, 0)', 'rgb(0, 0, 0)', half]);
  });
});
