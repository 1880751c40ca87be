import { cpSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compileFunction } from 'node:vm';
import { beforeAll, describe, expect, inject, test } from 'vitest';
import type * as Session from '../miniprogram/session/index.ts';
import { startApp } from './support/app.ts';
import { compileAsDevTools, findMiniprogramCi } from './support/miniprogram-ci.ts';
import { createPhone } from './support/phone.ts';

const miniprogram = fileURLToPath(new URL('../miniprogram', import.meta.url));

describe.skipIf(!findMiniprogramCi())('WeChat’s own compiler', () => {
  let files: ReadonlyMap<string, string>;
  beforeAll(async () => {
    files = await compileAsDevTools(miniprogram);
  });

  test('takes the mini program as it is: every page whole, small, and none of what is for people only', () => {
    const { pages } = JSON.parse(readFileSync(join(miniprogram, 'app.json'), 'utf8')) as { pages: string[] };
    for (const page of pages)
      for (const kind of ['js', 'json', 'wxml', 'wxss'])
        expect([...files.keys()]).toContain(`${page}.${kind}`);
    expect([...files.keys()].filter((path) => /\.(?:md|ts)$|tsconfig/.test(path))).toEqual([]);
    const size = [...files.values()].reduce((sum, text) => sum + text.length, 0);
    expect(size).toBeLessThan(200 * 1024); // a package may have 2 MB
  });

  test('leads every require to a file that is there', () => {
    const required = [...files].flatMap(([path, text]) =>
      [...text.matchAll(/require\("(?<to>[^"]+)"\)/g)].map(
        ({ groups }) => [path, groups?.['to'] ?? ''] as const,
      ),
    );
    expect(required.length).toBeGreaterThan(10);
    for (const [path, to] of required)
      expect([path, to, files.has(resolve(path, to))]).toEqual([path, to, true]);
  });

  test('makes of session/ what logs in, for phones that know no class', async () => {
    expect(files.get('session/error.js')).not.toMatch(/\bclass\b|=>|\?\?/);
    const { createSession, SessionError } = load('session/index.js') as typeof Session;
    const app = await startApp();
    const phone = createPhone(app);
    const session = createSession({ baseUrl: app.url, platform: phone, retries: 0 });
    await session.loginWithProfile('for your profile');
    const asked = await Promise.all([1, 2].map(() => session.request({ url: '/api/wxuser/me' })));
    expect(asked).toMatchObject([{ user: { nickName: 'Ada' } }, { user: { nickName: 'Ada' } }]);
    const failure = await session.request({ url: '/api/nothing' }).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(SessionError);
    expect(failure).toMatchObject({ name: 'SessionError', status: 404, code: 'not_found' });
    await session.erase();
    expect(await app.rows()).toEqual([]);
  });

  test.each([
    ['app.json', '"v2"', '"v9"'],
    ['app.wxss', 'page {', 'page {{'],
    ['act.ts', 'export async function act(', 'export async function ('],
  ])('refuses a mistake in %s', async (file, right, wrong) => {
    const project = mkdtempSync(join(inject('folder'), 'devtools-'));
    cpSync(miniprogram, project, { recursive: true });
    const text = readFileSync(join(project, file), 'utf8');
    expect(text).toContain(right);
    writeFileSync(join(project, file), text.replace(right, wrong));
    await expect(compileAsDevTools(project)).rejects.toThrow(file);
  });

  function resolve(from: string, to: string): string {
    const path = to.startsWith('.') ? posix.join(posix.dirname(from), to) : to;
    return path.endsWith('.js') ? path : `${path}.js`;
  }

  /** Runs a file, and what it requires, as a phone does. */
  function load(path: string, loaded = new Map<string, { exports: unknown }>()): unknown {
    const known = loaded.get(path);
    if (known) return known.exports;
    const module = { exports: {} as unknown };
    loaded.set(path, module);
    const run = compileFunction(files.get(path) ?? '', ['require', 'module', 'exports'], { filename: path });
    run((to: string) => load(resolve(path, to), loaded), module, module.exports);
    return module.exports;
  }
});
