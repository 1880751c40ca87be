import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { brotliDecompressSync } from 'node:zlib';
import type { Release } from './app.ts';

const PACKED = new URL('../fixtures/last-release.mjs.br', import.meta.url);
/** Where it finds the packages that are installed. */
const FOLDER = new URL('../../node_modules/.cache/weapp-login/', import.meta.url);

/** The server as it was last released: `npm run pack-release` keeps it. */
export async function lastRelease(): Promise<Release> {
  const file = new URL(`last-release-${process.pid}.mjs`, FOLDER);
  mkdirSync(FOLDER, { recursive: true });
  writeFileSync(file, brotliDecompressSync(readFileSync(PACKED)));
  return import(/* @vite-ignore */ fileURLToPath(file));
}
