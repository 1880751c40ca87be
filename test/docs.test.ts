import { readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { envExample, errorsPage, settingsTable } from './support/render-docs.ts';

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

function withoutComments(code: string): string {
  return code.replace(/\s*(?:#|\/\/) .*$/gm, '');
}
