import { Script } from 'node:vm';
import { expect, test } from 'vitest';
import { startApp } from './support/app.ts';
import { openSandbox } from './support/sandbox.ts';

const english = { 'Accept-Language': 'en' };

test('our choice: a page at /control, in Chinese or English', async () => {
  const sandbox = await openSandbox();
  const zh = await sandbox.ask('GET', '/control');
  const en = await sandbox.ask('GET', '/control', undefined, english);
  expect([zh.status, zh.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
  expect([zh.body, en.body]).toEqual([
    expect.stringMatching(/<html lang="zh-CN">[\s\S]*本地微信/),
    expect.stringMatching(/<html lang="en">[\s\S]*The local WeChat/),
  ]);
  expect(en.headers.get('vary')).toMatch(/Accept-Language/);
  expect(en.body).not.toMatch(/\p{Script=Han}/u);
});

test('it loads two files of its own and nothing else, and a strict policy lets it', async () => {
  const app = await startApp();
  const { headers, body } = await app.call('GET', '/sandbox/control');
  expect(headers.get('content-security-policy')).toMatch(
    /default-src 'none'; script-src 'self'; style-src 'self'/,
  );
  expect(headers.get('content-security-policy')).not.toMatch(/unsafe|upgrade/);
  const loads = [...body.matchAll(/(?:src|href)="([^"]*)"/g)].map(([, url]) => url);
  expect(loads).toEqual(['/sandbox/control/page.css', '/sandbox/control/page.js']);
  expect(body).not.toMatch(/<script>|<style|style=| on\w+=/);
  for (const [path, type] of [
    ['page.js', /javascript/],
    ['page.css', /text\/css/],
  ] as const) {
    const file = await app.call('GET', `/sandbox/control/${path}`);
    expect([file.status, file.headers.get('content-type')]).toEqual([200, expect.stringMatching(type)]);
  }
});

test('its script is whole, writes no HTML, and finds in the page what it looks for', async () => {
  const sandbox = await openSandbox();
  const [{ body: page }, { body: script }] = await Promise.all([
    sandbox.ask('GET', '/control'),
    sandbox.ask('GET', '/control/page.js'),
  ]);
  expect(() => new Script(script)).not.toThrow();
  expect(script).not.toMatch(/innerHTML|insertAdjacentHTML|document\.write|eval\(/);
  const sought = [...script.matchAll(/(?:byId|fill)\('([\w-]+)'/g)].map(([, id]) => id);
  expect(sought.length).toBeGreaterThan(10);
  for (const id of sought) expect(page).toContain(`id="${id}"`);
  for (const [, word] of script.matchAll(/words\.(\w+)/g)) expect(page).toContain(`data-${word}="`);
});

test('every control of the page has a name, and is one that a keyboard reaches', async () => {
  const sandbox = await openSandbox();
  const { body: page } = await sandbox.ask('GET', '/control', undefined, english);
  for (const [field] of page.matchAll(/<(?:input|select)[^>]*>/g)) {
    const at = page.indexOf(field);
    expect(page.lastIndexOf('<label>', at)).toBeGreaterThan(page.lastIndexOf('</label>', at));
  }
  for (const [, name] of page.matchAll(/<button[^>]*>([^<]*)</g)) expect(name.trim()).not.toBe('');
  expect(page).not.toMatch(/tabindex|<div|<a /);
});
