import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, inject, test } from 'vitest';
import { realSettings } from './support/app.ts';
import { hasCommands } from './support/commands.ts';
import { fenced, withValues } from './support/fenced.ts';
import { keepLog } from './support/no-secrets.ts';
import { findPm2, startPm2 } from './support/pm2.ts';
import { run } from './support/process.ts';
import { until } from './support/until.ts';
import { json, SESSION, type StandIn, startStandIn } from './support/wechat.ts';

/** So long requests in flight may take when the server stops. */
const GRACE_SECONDS = 10;

/** The folder of an installed server: its program, and an `.env` with a real app. */
async function install(): Promise<{ folder: string; wechat: StandIn }> {
  const wechat = await startStandIn();
  const folder = mkdtempSync(join(inject('folder'), 'deployed-'));
  symlinkSync(fileURLToPath(new URL('../dist', import.meta.url)), join(folder, 'dist'));
  const settings = { ...realSettings(wechat.url), HOST: '127.0.0.1', PORT: '0' };
  const lines = Object.entries(settings).map(([name, value]) => `${name}=${value}\n`);
  writeFileSync(join(folder, '.env'), lines.join(''), { mode: 0o600 });
  return { folder, wechat };
}

describe('docs/deploy.md’s systemd unit', () => {
  const [unit = ''] = fenced('docs/deploy.md', 'ini');
  const settingOf = (name: string) => new RegExp(`^${name}=(.*)$`, 'm').exec(unit)?.[1] ?? '';

  test.skipIf(!hasCommands('systemd-analyze'))(
    'passes systemd’s own check without a word, and leaves the process little',
    async () => {
      const file = join(mkdtempSync(join(inject('folder'), 'systemd-')), 'weapp-login.service');
      writeFileSync(file, withValues(unit, { '/usr/bin/node': process.execPath }));
      const analyze = promisify(execFile);
      expect(await analyze('systemd-analyze', ['verify', file])).toEqual({ stdout: '', stderr: '' });
      const secure = ['security', '--offline=yes', '--threshold=25', '--no-pager', file];
      await analyze('systemd-analyze', secure); // fails where the exposure is above 2.5 of 10
      writeFileSync(file, unit.replace('[Service]', '[Service]\nWorkingDirectroy=/'));
      expect((await analyze('systemd-analyze', ['verify', file]).catch((error) => error)).stderr).toContain(
        'WorkingDirectroy',
      );
    },
  );

  test('started as it says, the server reads the .env of the folder; without one it is no sandbox, but refuses', async () => {
    const { folder } = await install();
    expect(settingOf('ExecStart')).toBe('/usr/bin/node dist/cli/main.js');
    expect(settingOf('User')).not.toBe('root');
    expect(Number(settingOf('TimeoutStopSec'))).toBeGreaterThan(GRACE_SECONDS);
    expect(settingOf('ReadWritePaths')).toBe(`${settingOf('WorkingDirectory')}/data`);
    const [name = '', value = ''] = settingOf('Environment').split('=');
    const server = run([], { [name]: value }, folder);
    await server.prints(`"envFile":"${folder}/.env"`);
    await server.prints('"sandbox":false');
    server.child.kill('SIGTERM');
    expect(await server.ended).toBe(0);

    rmSync(join(folder, '.env'));
    const lost = run([], { [name]: value }, folder);
    expect(await lost.ended).toBe(1);
    expect(lost.output()).toMatch(/WX_APPID is not set: with NODE_ENV=production the sandbox is refused/);
    expect(lost.output()).toContain(`there is no .env in ${folder}`);
  });
});

test.skipIf(!findPm2())(
  'docs/deploy.md’s pm2 file: started from elsewhere the server finds its .env, and a stop lets a login finish',
  { timeout: 120_000 },
  async () => {
    const { folder, wechat } = await install();
    const [source = ''] = fenced('docs/deploy.md', 'js');
    const file = join(folder, 'ecosystem.config.cjs');
    writeFileSync(file, withValues(source, { "'/srv/weapp-login'": JSON.stringify(folder) }));
    const { home, run: pm2 } = startPm2();
    await pm2('start', file);
    const log = () => readFileSync(join(home, 'logs/weapp-login-out-0.log'), 'utf8');
    await until('the server listens', async () => /"msg":"listening"/.test(log()));
    const { url, sandbox, envFile } = JSON.parse(
      log()
        .split('\n')
        .find((line) => line.includes('listening')) ?? '{}',
    );
    expect({ sandbox, envFile }).toEqual({ sandbox: false, envFile: join(folder, '.env') });

    let release = () => {};
    const asked = new Promise<void>((resolve) => {
      wechat.answer((res, req) => {
        release = () => json(SESSION)(res, req);
        resolve();
      });
    });
    const login = fetch(`${url}/api/wxuser`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: '{"code":"a-code-of-wx-login"}',
    });
    await asked;
    const stopped = pm2('stop', 'weapp-login');
    await until('it stops', async () => /"msg":"stopping/.test(log()));
    release();
    expect((await login).status).toBe(200);
    await stopped;
    await until('it has stopped', async () => /"msg":"stopped"/.test(log()));
    keepLog(log());
    const [app] = JSON.parse(await pm2('jlist'));
    expect(app.pm2_env).toMatchObject({ status: 'stopped', exit_code: 0, pm_cwd: folder });
    const killTimeout = Number(app.pm2_env.kill_timeout);
    expect(killTimeout).toBeGreaterThan(GRACE_SECONDS * 1000);
  },
);

test('docs/deploy.md’s pm2 file names the folder of the unit, and production', () => {
  const [source = ''] = fenced('docs/deploy.md', 'js');
  const [unit = ''] = fenced('docs/deploy.md', 'ini');
  const cwd = /cwd: '(.*)'/.exec(source)?.[1];
  expect(unit).toContain(`WorkingDirectory=${cwd}\n`);
  expect(source).toContain("NODE_ENV: 'production'");
  execFileSync(process.execPath, ['--check', '-'], { input: source });
});
