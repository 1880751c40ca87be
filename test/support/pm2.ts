import { execFile } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { inject, onTestFinished } from 'vitest';

/** The program of pm2, which is large and so no dependency. */
export function findPm2(): string | undefined {
  try {
    return createRequire(import.meta.url).resolve('pm2/bin/pm2');
  } catch {
    return undefined;
  }
}

export interface Pm2 {
  /** Where its logs are. */
  readonly home: string;
  run(...args: string[]): Promise<string>;
}

/** A private pm2, whose daemon ends with the test; it asks nobody for news. */
export function startPm2(): Pm2 {
  const home = mkdtempSync(join(inject('folder'), 'pm2-'));
  const env = { PATH: process.env['PATH'], HOME: home, PM2_HOME: home, PM2_DISABLE_VERSION_CHECK: 'true' };
  const run = async (...args: string[]) => {
    const how = { env, cwd: home, timeout: 60_000 };
    return (await promisify(execFile)(process.execPath, [findPm2() ?? '', ...args], how)).stdout;
  };
  onTestFinished(async () => void (await run('kill')), 60_000);
  return { home, run };
}
