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
 * @throws {BuildError} for what it lacks, and for a mistake in what it has
 */
export async function compile(root: string, start: string): Promise<Compiled> {
  const config = await readApp(root);
  const [templates, configs, styles] = await Promise.all([
    compileWxml(root, config.pages),
    Promise.all(config.pages.map((path) => readPage(root, path))),
    Promise.all([undefined, ...config.pages].map((page) => styleOf(root, page))),
  ]);
  const pages = config.pages.map((path, at) => {
    const handlers = J(templates.handlers.get(path));
    const load = `() => require(${J(join(root, `${path}.ts`))})`;
    const template = `{ groupList: T, content: T[${J(path)}] }`;
    return `{ path: ${J(path)}, config: ${J(configs[at])}, template: ${template}, handlers: ${handlers}, load: ${load} }`;
  });
  return {
    script: `import { start } from ${J(start)};
      const T = ${templates.code};
      start({ config: ${J(config)}, load: () => require(${J(join(root, 'app.ts'))}), pages: [${pages}] });`,
    css: styles.join('\n'),
    pages: pages.length,
  };
}

const APP_LACKS = ['tabBar', 'subPackages', 'subpackages', 'plugins', 'usingComponents'];
const PAGE_LACKS = [
  'usingComponents',
  'navigationStyle',
  'enablePullDownRefresh',
  'disableScroll',
  'pageOrientation',
];

async function readApp(root: string): Promise<AppConfig> {
  const config = (await readJson(root, 'app', APP_LACKS)) as Partial<AppConfig>;
  const { pages = [], window = {} } = config;
  refuse('app.json', window, PAGE_LACKS);
  const missing = ['app.ts', ...pages.flatMap((path) => [`${path}.wxml`, `${path}.ts`])].filter(
    (file) => !existsSync(join(root, file)),
  );
  if (missing.length > 0)
    throw new BuildError(missing.map((file) => `app.json asks for ${file}, which is not there`));
  if (pages.length === 0) throw new BuildError(['app.json names no pages']);
  return { ...config, pages };
}

async function readPage(root: string, path: string): Promise<PageConfig> {
  return existsSync(join(root, `${path}.json`)) ? readJson(root, path, PAGE_LACKS) : {};
}

async function readJson(root: string, path: string, lacks: readonly string[]): Promise<object> {
  const text = await readFile(join(root, `${path}.json`), 'utf8').catch(() => undefined);
  if (text === undefined) throw new BuildError([`${path}.json is not there`]);
  let config: object;
  try {
    config = Object(JSON.parse(text));
  } catch (error) {
    throw new BuildError([`${path}.json: ${(error as Error).message}`]);
  }
  refuse(`${path}.json`, config, lacks);
  return config;
}

/** @param lacks the keys that the preview does nothing with, though they change what the user sees */
function refuse(file: string, config: object, lacks: readonly string[]): void {
  const lacking = lacks.filter((key) => key in config);
  if (lacking.length > 0) throw new BuildError([`${file}: the preview has no ${lacking.join(', ')}`]);
}

/** Of a page, or of the app. */
async function styleOf(root: string, page: string | undefined): Promise<string> {
  const path = page ?? 'app';
  return existsSync(join(root, `${path}.wxss`)) ? compileWxss(root, path, page) : '';
}
