import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { check } from 'recheck';
import { expect, test } from 'vitest';
import { parseAst } from 'vitest/node';

const BUILT = 'dist';
/** The steps of a match are counted and not timed: on a busy machine every match is slow. */
const UNTIMED = { timeout: null, attackTimeout: null, incubationTimeout: null };

interface Expression {
  readonly pattern: string;
  readonly flags: string;
}

type Visit = (node: Record<string, unknown>) => void;

function walk(node: unknown, visit: Visit): void {
  if (typeof node !== 'object' || node === null) return;
  if (!Array.isArray(node)) visit(node as Record<string, unknown>);
  for (const child of Object.values(node)) walk(child, visit);
}

/** The literals of all that is compiled, and where one is made of a text. */
function expressions(): { literals: Map<string, Expression>; made: string[] } {
  const literals = new Map<string, Expression>();
  const made: string[] = [];
  const files = readdirSync(BUILT, { recursive: true, encoding: 'utf8' });
  for (const file of files.filter((name) => name.endsWith('.js') && !name.startsWith('preview'))) {
    walk(parseAst(readFileSync(join(BUILT, file), 'utf8')), (node) => {
      const regex = node['regex'] as Expression | undefined;
      if (regex) literals.set(`${file}: /${regex.pattern}/${regex.flags}`, regex);
      const callee = node['callee'] as { name?: unknown } | undefined;
      if (callee?.name === 'RegExp') made.push(file);
    });
  }
  return { literals, made };
}

const { literals, made } = expressions();

test('every regular expression is a literal, so that the next test sees it', () => {
  expect(made, 'files with RegExp(…): write a literal').toEqual([]);
  expect([...literals.keys()]).toContainEqual(expect.stringMatching(/^log\.js: /));
  expect([...literals.keys()]).toContainEqual(expect.stringMatching(/^client\/error\.js: /));
});

test('every regular expression is linear: no text that a client sends holds the server', async () => {
  const unsafe: string[] = [];
  for (const [name, { pattern, flags }] of literals) {
    const { status } = await check(pattern, flags, UNTIMED);
    if (status !== 'safe') unsafe.push(`${name} is ${status}`);
  }
  expect(unsafe).toEqual([]);
}, 120_000);

test('the checker finds what is quadratic', async () => {
  expect((await check('eyJ[\\w-]+\\.', 'g', UNTIMED)).status).toBe('vulnerable');
});
