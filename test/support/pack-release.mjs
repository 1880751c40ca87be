// npm run pack-release: keeps this version of the server as the last release, for test/rolling-upgrade.test.ts.
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync } from 'node:zlib';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('../..', import.meta.url));
const contents = `
  export { loadConfig } from './src/config.ts';
  export { createLog } from './src/log.ts';
  export { startServer } from './src/server.ts';`;

const { outputFiles } = await build({
  stdin: { contents, resolveDir: root },
  bundle: true,
  minify: true,
  platform: 'node',
  format: 'esm',
  packages: 'external', // those that are installed
  write: false,
});
const packed = brotliCompressSync(outputFiles[0].contents);
writeFileSync(new URL('../fixtures/last-release.mjs.br', import.meta.url), packed);
process.stdout.write(`test/fixtures/last-release.mjs.br: ${packed.length} bytes\n`);
