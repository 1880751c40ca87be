import { copyFile, cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { type BuildOptions, type Plugin, transform } from 'esbuild';
import { bundle } from './problems.ts';
import { compile } from './program.ts';

export interface Folders {
  /** The native mini program: where app.json is. */
  readonly miniprogram: string;
  /** `preview/` */
  readonly preview: string;
  /** Is made anew. */
  readonly out: string;
}

/** What was built. */
export interface Built {
  readonly pages: number;
  /** Of the phone's script, in bytes. */
  readonly size: number;
}

const FOR_BROWSERS: BuildOptions = { format: 'iife', target: 'es2022', minify: true, charset: 'utf8' };

/**
 * Builds what the sandbox shows at its `/`: the phone with the mini program in it, and the page around it.
 * @throws {BuildError} for a mistake in the mini program; what was built before stays
 */
export async function buildPreview({ miniprogram, preview, out }: Folders): Promise<Built> {
  const { script, css, pages } = await compile(miniprogram, join(preview, 'phone/start.ts'));
  const phone = await bundle(miniprogram, {
    ...FOR_BROWSERS,
    stdin: { contents: script, resolveDir: preview, sourcefile: 'program.js' },
    plugins: [servedFromHere(miniprogram)],
  });
  const page = await bundle(preview, { ...FOR_BROWSERS, entryPoints: [join(preview, 'page/page.ts')] });

  await rm(out, { recursive: true, force: true });
  await mkdir(out, { recursive: true });
  const minified = async (text: string) => (await transform(text, { loader: 'css', minify: true })).code;
  await Promise.all([
    writeFile(join(out, 'phone.js'), phone.contents),
    writeFile(
      join(out, 'phone.css'),
      await minified((await readFile(join(preview, 'phone/phone.css'), 'utf8')) + css),
    ),
    writeFile(join(out, 'page.js'), page.contents),
    writeFile(join(out, 'page.css'), await minified(await readFile(join(preview, 'page/page.css'), 'utf8'))),
    copyFile(join(preview, 'phone/phone.html'), join(out, 'phone.html')),
    copyFile(licence('glass-easel'), join(out, 'glass-easel.LICENSE')),
    cp(join(miniprogram, 'images'), join(out, 'images'), { recursive: true }),
  ]);
  return { pages, size: phone.contents.byteLength };
}

/** The mini program asks the server that shows it, wherever that listens. */
function servedFromHere(miniprogram: string): Plugin {
  const contents = 'export const baseUrl = location.origin;';
  const config = join(miniprogram, 'config.ts');
  return {
    name: 'served-from-here',
    setup: ({ onLoad }) =>
      onLoad({ filter: /\bconfig\.ts$/ }, ({ path }) => (path === config ? { contents } : undefined)),
  };
}

/** Its terms ask for being passed on with what is made of it. */
function licence(name: string): string {
  return join(dirname(createRequire(import.meta.url).resolve(`${name}/package.json`)), 'LICENSE');
}
