import { fileURLToPath } from 'node:url';
import { buildPreview } from './build.ts';
import { BuildError } from './problems.ts';

// It runs from build/preview/build/.
const root = fileURLToPath(new URL('../../../', import.meta.url));
const started = performance.now();
try {
  const folders = {
    miniprogram: `${root}miniprogram`,
    preview: `${root}preview`,
    out: `${root}dist/preview`,
  };
  const { pages, size } = await buildPreview(folders);
  if (process.env['npm_config_loglevel'] !== 'silent') {
    const ms = Math.round(performance.now() - started);
    process.stdout.write(`preview: ${pages} pages, phone.js ${Math.ceil(size / 1024)} KiB, in ${ms} ms\n`);
  }
} catch (error) {
  if (!(error instanceof BuildError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
