import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import express from 'express';
import { sql } from 'kysely';
import { expect, test } from 'vitest';
import * as weapp from '../src/index.ts';
import { toJson } from '../src/json.ts';
import { startApp } from './support/app.ts';
import { startHost } from './support/hosts.ts';

const HOSTILE = 'A\u2028d\u2029a\u0007\u0085\u007f\ufeff';
const CLEAN = 'Ada';

test('JSON has no end of a line that JavaScript sees, in values and in names, and reads as what it was', () => {
  const value = { [HOSTILE]: [HOSTILE, { deep: `${HOSTILE}\ud83d` }] };
  expect(toJson(value)).not.toMatch(/[\u2028\u2029\n\r\ud800-\udfff]/);
  expect(JSON.parse(toJson(value))).toEqual(value);
});

test('nothing else answers JSON', () => {
  const files = readdirSync('src', { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.name.endsWith('.ts'),
  );
  const others = files
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => /\b(?:res|\))\.json\(/.test(readFileSync(file, 'utf8')));
  expect(others).toEqual([]);
});

/** What a client reads of every route that answers with stored texts. */
async function readAll(url: string, token: string): Promise<Record<string, string>> {
  const asks: [string, string, object?][] = [
    ['me', '/api/wxuser/me'],
    ['export', '/api/wxuser/me/export'],
    ['sessions', '/api/wxuser/sessions'],
    ['PUT', '/api/wxuser/me', { method: 'PUT', body: '{"gender":1}' }],
    ['an error', '/api/wxuser/me', { method: 'PUT', body: JSON.stringify({ nickName: '\u2028' }) }],
    ['demo', '/sandbox/demo/users/Ada'],
    ['sandbox', '/sandbox/control/state'],
    ['no route', '/api/wxuser/%E2%80%A8'],
  ];
  const headers = { Authorization: token, 'Content-Type': 'application/json' };
  const read = asks.map(async ([name, path, init]) => {
    const response = await fetch(url + path, { headers, ...init });
    expect(response.headers.get('content-type'), name).toBe('application/json; charset=utf-8');
    return [name, await response.text()];
  });
  return Object.fromEntries(await Promise.all(read));
}

test('a name from before us with separators and controls: every reply is JavaScript, and the client sees a name', async () => {
  const app = await startApp();
  const { token } = (await app.login({ user: 'Ada' })).body;
  await app.call('PUT', '/sandbox/control/users/Ada', { nickName: HOSTILE });
  await app.sql(sql`ALTER TABLE wxuser ADD COLUMN bio TEXT`);
  await app.sql(sql`UPDATE wxuser SET nickName = ${HOSTILE}, bio = ${HOSTILE}`);
  const replies = await readAll(app.url, token);
  for (const [name, text] of Object.entries(replies)) {
    expect(text, name).not.toMatch(/[\u2028\u2029]/);
    JSON.parse(text);
  }
  expect(JSON.parse(replies['me'] ?? '').user.nickName.replace(' ', '')).toBe(CLEAN);
  expect(JSON.parse(replies['PUT'] ?? '').user.nickName.replace(' ', '')).toBe(CLEAN);
  // What is stored is the user's: the export has it as it is.
  expect(JSON.parse(replies['export'] ?? '').wxuser).toMatchObject({ nickName: HOSTILE, bio: HOSTILE });
  expect((await app.rows())[0]?.nickName).toBe(HOSTILE);
});

test('in another app, whatever that app does to its own JSON', async () => {
  const host = await startHost({
    express,
    mount(app, parts) {
      app.set('json replacer', () => 'the host');
      app.set('json spaces', 2);
      if (parts.sandbox) app.use('/sandbox', weapp.sandboxRoutes(parts.sandbox));
      app.use(weapp.wxuserRoutes(parts), weapp.koaRoutes(parts), weapp.handleErrors);
    },
  });
  const post = (path: string, body: string) =>
    fetch(host.url + path, { method: 'POST', body, headers: { 'Content-Type': 'application/json' } });
  const button = await (await post('/sandbox/login-button', JSON.stringify({ nickName: HOSTILE }))).text();
  expect(button).not.toMatch(/[\u2028\u2029]/);
  const login = JSON.parse(await (await post('/api/wxuser', button)).text());
  expect(login.user.nickName.replace(' ', '')).toBe(CLEAN);
  await host.parts.users.change(login.user.id, { nickName: HOSTILE });
  const text = await (
    await fetch(`${host.url}/api/wxuser/me/export`, { headers: { Authorization: login.token } })
  ).text();
  expect(text).toContain('A\\u2028d\\u2029a');
  expect(JSON.parse(text).wxuser.nickName).toBe(HOSTILE);
});
