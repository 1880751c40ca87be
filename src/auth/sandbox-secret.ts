import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/**
 * The sandbox's signing secret: made once and kept beside the embedded database (in `./data` for a MySQL one), so that
 * tokens survive a restart. An in-memory database gets one that is kept nowhere.
 */
export function sandboxSecret(databaseUrl: string): string {
  const fresh = randomBytes(48).toString('base64');
  if (databaseUrl === 'sqlite::memory:') return fresh;
  const folder = databaseUrl.startsWith('sqlite:') ? dirname(databaseUrl.slice('sqlite:'.length)) : 'data';
  const file = join(folder, 'sandbox-jwt-secret');
  mkdirSync(folder, { recursive: true });
  try {
    writeFileSync(file, fresh, { flag: 'wx', mode: 0o600 });
    return fresh;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    const kept = readFileSync(file, 'utf8');
    if (kept.length >= 64) return kept;
    throw new Error(`${file} is cut short: delete it, and start again`);
  }
}
