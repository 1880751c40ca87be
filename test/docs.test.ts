import { readFileSync, writeFileSync } from 'node:fs';
import { expect, onTestFinished, test } from 'vitest';
import { createApp, createLog, createParts, loadConfig, openStores } from '../src/index.ts';
import { freshSqlite } from './support/engines.ts';
import { ec, fileOf } from './support/keys.ts';
import { envExample, errorsPage, settingsTable } from './support/render-docs.ts';
import { routesIn } from './support/routes.ts';

const between = (mark: string) => new RegExp(`(<!-- ${mark} -->\n)[\\s\\S]*?(\n<!-- /${mark} -->)`);
const file = (name: string) => new URL(`../${name}`, import.meta.url);

/** Holds a document against the code; `UPDATE_DOCS=1` writes it instead. */
function expectDocument(name: string, make: (old: string) => string): void {
  const old = readFileSync(file(name), 'utf8');
  const expected = make(old);
  if (process.env['UPDATE_DOCS']) writeFileSync(file(name), expected);
  else expect(old).toBe(expected);
}

test('.env.example names every setting, its default and an example', () => {
  expectDocument('.env.example', envExample);
});

test('docs/errors.md is the catalogue', () => {
  expectDocument('docs/errors.md', errorsPage);
});

test.each([
  ['README.md', 'en'],
  ['README.zh-CN.md', 'zh'],
] as const)('the table of settings in %s is the schema', (name, language) => {
  expect(readFileSync(file(name), 'utf8')).toMatch(between('settings'));
  expectDocument(name, (old) => old.replace(between('settings'), `$1${settingsTable(language)}$2`));
});

test('both READMEs have the same sections and the same commands', () => {
  const [en, zh] = ['README.md', 'README.zh-CN.md'].map((name) => readFileSync(file(name), 'utf8'));
  const commands = (text = '') =>
    [...text.matchAll(/```(?:sh|ts)\n([\s\S]*?)```/g)].map((match) => withoutComments(match[1] ?? ''));
  const headings = (text = '') => [...text.matchAll(/^#+ /gm)].map((match) => match[0]);
  expect(commands(zh)).toEqual(commands(en));
  expect(headings(zh)).toEqual(headings(en));
});

test.each(['README.md', 'README.zh-CN.md'])(
  'the table of calls in %s has every route, and no other',
  async (name) => {
    const told = [...readFileSync(file(name), 'utf8').matchAll(/^\| (`(?:GET|POST|PUT|DELETE)\b[^|]*) \|/gm)]
      .flatMap(([, cell = '']) => cell.split(' · '))
      .flatMap((call) => {
        const path = /\/[^`]*/.exec(call)?.[0];
        return [...call.matchAll(/[A-Z]{3,}/g)].map(([method]) => `${method} ${path}`);
      });
    expect(told.toSorted()).toEqual(await routesOfEverySetting());
  },
);

/** `GET /healthz` and so on: of a server in which no route is left out. */
async function routesOfEverySetting(): Promise<string[]> {
  const database = await freshSqlite();
  const config = loadConfig({
    DATABASE_URL: database.url,
    WX_CALLBACK_TOKEN: 'QK6HHCOTEdD9BEWDc33XG3Wm',
    JWT_PRIVATE_KEY_FILE: fileOf(ec()),
  });
  const log = createLog('silent');
  const stores = await openStores(config, log);
  onTestFinished(() => stores.close().then(database.drop));
  const {
    sandbox: _,
    demo: __,
    ...parts
  } = createParts(config, { stores, log, sandboxBase: 'http://127.0.0.1' });
  return routesIn(createApp(parts).router.stack).toSorted();
}

function withoutComments(code: string): string {
  return code.replace(/\s*(?:#|\/\/) .*$/gm, '');
}
