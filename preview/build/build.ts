import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { type BuildOptions, type Plugin, transform } from 'esbuild';
import { bundle } from './bundle.ts';
import { compile } from './compile.ts';

/** Where the build reads and writes. */
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

  const read = (path: string) => readFile(join(preview, path), 'utf8');
  const minified = async (css: string) => (await transform(css, { loader: 'css', minify: true })).code;
  const files: [string, string | Uint8Array][] = [
    ['phone.html', await read('phone/phone.html')],
    ['phone.js', phone.contents],
    ['phone.css', await minified((await read('phone/phone.css')) + css)],
    ['page.js', page.contents],
    ['page.css', await minified(await read('page/page.css'))],
    ['glass-easel.LICENSE', await readFile(licence('glass-easel'))],
    ['glass-easel-miniprogram-adapter.LICENSE', await readFile(licence('glass-easel-miniprogram-adapter'))],
    ...(await picturesIn(miniprogram)),
  ];

  await rm(out, { recursive: true, force: true });
  for (const [name, contents] of files) {
    await mkdir(dirname(join(out, name)), { recursive: true });
    await writeFile(join(out, name), contents);
  }
  return { pages, size: phone.contents.byteLength };
}

/** The pictures of a mini program, by their paths in it: pages name them as `/images/logo.png`. */
async function picturesIn(miniprogram: string): Promise<[string, Uint8Array][]> {
  const entries = await readdir(miniprogram, { recursive: true, withFileTypes: true });
  const paths = entries
    .filter((entry) => entry.isFile() && /\.(?:png|jpe?g|gif|webp|svg)$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name));
  return Promise.all(
    paths.map(
      async (path): Promise<[string, Uint8Array]> => [relative(miniprogram, path), await readFile(path)],
    ),
  );
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
