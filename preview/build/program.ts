import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { AppConfig, PageConfig } from '../program.ts';
import { BuildError } from './problems.ts';
import { compileWxml } from './wxml.ts';
import { compileWxss } from './wxss.ts';

/** A mini program, read and compiled. */
export interface Compiled {
  /** A module that starts it in the phone. */
  readonly script: string;
  readonly css: string;
  readonly pages: number;
}

const J = JSON.stringify;

/**
 * Reads a native mini program from its app.json on.
 * @param root the folder with app.json
 * @param start the module whose `start` is given the Program
 * @throws {BuildError} naming every problem of what it could read
 */
export async function compile(root: string, start: string): Promise<Compiled> {
  const config = (await readJson(root, 'app')) as AppConfig;
  const problems = config.pages.flatMap((path) =>
    ['wxml', 'ts']
      .filter((kind) => !existsSync(join(root, `${path}.${kind}`)))
      .map((kind) => `app.json names ${path}, but ${path}.${kind} is not there`),
  );
  if (problems.length > 0) throw new BuildError(problems);

  const templates = await compileWxml(root, config.pages);
  const pages = config.pages.map(async (path) => {
    const page = (await readJson(root, path)) as PageConfig;
    if (page.usingComponents) throw new BuildError([`${path}.json: the preview has no usingComponents`]);
    return `{ path: ${J(path)}, config: ${J(page)}, template: { groupList: T, content: T[${J(path)}] },
      handlers: ${J(templates.handlers.get(path))}, load: () => require(${J(join(root, `${path}.ts`))}) }`;
  });
  const styles = ['app', ...config.pages].map((path) =>
    existsSync(join(root, `${path}.wxss`)) ? compileWxss(root, path, path === 'app' ? undefined : path) : '',
  );
  return {
    script: `import { start } from ${J(start)};
      const T = ${templates.code};
      start({ config: ${J(config)}, load: () => require(${J(join(root, 'app.ts'))}), pages: [${await Promise.all(pages)}] });`,
    css: (await Promise.all(styles)).join('\n'),
    pages: config.pages.length,
  };
}

async function readJson(root: string, path: string): Promise<unknown> {
  const text = await readFile(join(root, `${path}.json`), 'utf8').catch(() => '{}');
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new BuildError([`${path}.json: ${(error as Error).message}`]);
  }
}
