import { execFile } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { inject } from 'vitest';

/** The program of WeChat's own compiler: what DevTools compiles with, as a package of a thousand others. */
export function findMiniprogramCi(): string | undefined {
  try {
    return createRequire(import.meta.url).resolve('miniprogram-ci');
  } catch {
    return undefined;
  }
}

/** It would ask WeChat's server about the app, and leaves its workers running; the project itself needs neither. */
const COMPILE = `
  require('node:dns').lookup = (_host, _options, done) => done(new Error('offline'));
  const [program, project, key, out] = process.argv.slice(1);
  const ci = require(program);
  const { appid, setting } = { ...require(project + '/project.config.json'), appid: 'wx0123456789abcdef' };
  const app = new ci.Project({ appid, type: 'miniProgram', projectPath: project, privateKeyPath: key });
  app.attr = async () => ({ gameApp: false, appType: 0, setting: {
    MaxCodeSize: 2, MaxSubpackageSubCodeSize: 2, MaxSubpackageFullCodeSize: 16, NavigateMiniprogramLimit: 10,
    MaxSubPackageLimit: 100, MinTabbarCount: 2, MaxTabbarCount: 5, MaxTabbarIconSize: 40 } });
  ci.getCompiledResult({ project: app, version: '1', desc: '', setting, onProgressUpdate: () => {} }, out + '.zip').then(
    (files) => {
      const texts = Object.entries(files).map(([path, contents]) => [path, String(contents)]);
      require('node:fs').writeFileSync(out, JSON.stringify(Object.fromEntries(texts)));
      process.exit(0);
    },
    (error) => {
      console.error(error);
      process.exit(1);
    },
  );
`;

/**
 * Compiles a native mini program as DevTools does.
 * @returns its files by their paths, as a phone loads them
 * @throws what the compiler says
 */
export async function compileAsDevTools(project: string): Promise<ReadonlyMap<string, string>> {
  const folder = mkdtempSync(join(inject('folder'), 'devtools-'));
  const [key, out] = [join(folder, 'key.pem'), join(folder, 'files.json')];
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  writeFileSync(key, privateKey.export({ type: 'pkcs1', format: 'pem' }));
  const args = ['-e', COMPILE, findMiniprogramCi() ?? '', project, key, out];
  await promisify(execFile)(process.execPath, args, { cwd: folder, timeout: 60_000 });
  return new Map(Object.entries(JSON.parse(readFileSync(out, 'utf8')) as Record<string, string>));
}
