import { once } from 'node:events';
import { createServer } from 'node:net';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { startSandbox } from '../src/sandbox/start.ts';
import { JWT_SECRET } from './support/app.ts';
import { keepSecret } from './support/no-secrets.ts';
import { run, runServer } from './support/process.ts';

const post = (url: string, body: object) =>
  fetch(url, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) });

async function runSandbox(...args: string[]) {
  const sandbox = run(['sandbox', '--port', '0', ...args]);
  const settings: Record<string, string> = {};
  for (const name of ['WX_API_BASE', 'WX_APPID', 'WX_SECRET'])
    settings[name] = await sandbox.prints(new RegExp(`${name}=(\\S+)`));
  return { ...sandbox, settings, url: settings['WX_API_BASE'] ?? '' };
}

describe('weapp-login sandbox', () => {
  test('a server that takes it for WeChat logs its users in', async () => {
    const sandbox = await runSandbox();
    await sandbox.prints('Only this machine can reach it.');
    await sandbox.prints(`${sandbox.url}/control`);
    const server = await runServer({
      ...sandbox.settings,
      JWT_SECRET,
      HOST: '127.0.0.1',
      NODE_ENV: 'production',
    });
    const button = await (await post(`${sandbox.url}/login-button`, { user: 'Ada' })).json();
    const login = await post(`${server.url}/api/wxuser`, button as object);
    expect([login.status, await login.json()]).toMatchObject([200, { user: { nickName: 'Ada' } }]);
    const again = await post(`${server.url}/api/wxuser`, button as object);
    expect(await again.json()).toMatchObject({ code: 'wechat_code_used' });
    await post(`${sandbox.url}/control/faults`, { errcode: 40125 });
    const other = await (await post(`${sandbox.url}/login-button`, { user: 'Ada' })).json();
    const failed = await post(`${server.url}/api/wxuser`, other as object);
    expect(await failed.json()).toMatchObject({ code: 'wechat_misconfigured' });
  });

  test('has the app that one names', async () => {
    const [appid, secret] = ['wx4f4bc4dec97d474b', 'ab'.repeat(16)];
    const { settings, url } = await runSandbox('--appid', appid, '--secret', secret);
    expect(settings).toMatchObject({ WX_APPID: appid, WX_SECRET: secret });
    const { code } = (await (await post(`${url}/wx/login`, {})).json()) as { code: string };
    const query = new URLSearchParams({ appid, secret, js_code: code });
    const session = (await (await fetch(`${url}/sns/jscode2session?${query}`)).json()) as object;
    expect(session).toHaveProperty('openid');
  });

  test('stops at SIGTERM, a request that hangs or not', async () => {
    const sandbox = await runSandbox();
    await post(`${sandbox.url}/control/faults`, { hang: true });
    const hanging = fetch(`${sandbox.url}/sns/jscode2session`).catch(() => 'cut');
    const calls = async () => (await fetch(`${sandbox.url}/control/calls`)).json();
    await expect.poll(calls).toMatchObject({ counts: { jscode2session: 1 } });
    sandbox.child.kill('SIGTERM');
    expect([await sandbox.ended, await hanging]).toEqual([0, 'cut']);
  });

  test('says so when others can reach it', async () => {
    const sandbox = await runSandbox('--host', '0.0.0.0');
    await sandbox.prints('--host 0.0.0.0: OTHER MACHINES CAN REACH IT.');
    expect((await fetch(`${sandbox.url}/control/state`)).status).toBe(200);
  });

  test.each(['production', 'staging'])('is refused with NODE_ENV=%s', async (name) => {
    const sandbox = run(['sandbox', '--port', '0'], { NODE_ENV: name });
    expect(await sandbox.ended).toBe(1);
    expect(sandbox.output()).toMatch(new RegExp(`NODE_ENV=${name}: the sandbox is refused`));
  });

  test.each([
    ['an appid of another form', ['--appid', 'wxsandbox000000000'], /--appid must be wx and 16 hex digits/],
    ['a secret of another form', ['--secret', 'x'], /--secret must be 32 hex digits/],
    ['a port that is none', ['--port', '65536'], /--port must be a number up to 65535/],
    ['an unknown option', ['--prot', '1'], /Unknown option '--prot'/],
  ])('%s is named', async (_name, args, message) => {
    const sandbox = run(['sandbox', ...args]);
    expect(await sandbox.ended).toBe(1);
    expect(sandbox.output()).toMatch(message);
  });

  test('a port that is taken is named, with what to do', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    onTestFinished(() => void taken.close());
    const { port } = taken.address() as { port: number };
    const sandbox = run(['sandbox', '--port', String(port)]);
    expect(await sandbox.ended).toBe(1);
    expect(sandbox.output()).toBe(`port ${port} is taken: name another with --port\n`);
  });
});

describe('startSandbox', () => {
  test('is what the package exports, as the documents show it', async () => {
    const { startSandbox: start }: { startSandbox: typeof startSandbox } = await import(
      /* @vite-ignore */ 'weapp-login/sandbox'
    );
    const wechat = await start();
    onTestFinished(() => wechat.close());
    const { url, appid, secret, wx } = wechat;
    const { code } = wx.login('Ada');
    const query = new URLSearchParams({ appid, secret, js_code: code });
    const ask = async () =>
      (await (await fetch(`${url}/sns/jscode2session?${query}`)).json()) as Record<string, unknown>;
    wechat.fail('jscode2session', { errcode: -1, calls: 1 });
    expect((await ask())['errcode']).toBe(-1);
    const session = await ask();
    keepSecret(String(session['session_key']));
    expect(session).toHaveProperty('openid');
    expect(wechat.count('jscode2session')).toBe(2);
    wechat.fail('*', { errcode: -1 });
    wechat.heal();
    wechat.advance(300_001);
    expect((await ask())['errcode']).toBe(40029);
    wechat.reset();
    expect(wechat.count('jscode2session')).toBe(0);
  });

  test('has an app of its own and the server’s; two run side by side', async () => {
    const [one, two] = [await startSandbox(), await startSandbox()];
    expect(one.url).not.toBe(two.url);
    expect(one.appid).toMatch(/^wx[0-9a-f]{16}$/);
    expect(one.secret).toMatch(/^[0-9a-f]{32}$/);
    await Promise.all([one.close(), two.close()]);
    await expect(fetch(one.url)).rejects.toThrow('fetch failed');
  });

  test('is refused in production', async () => {
    vi.stubEnv('NODE_ENV', 'production');
    onTestFinished(() => void vi.unstubAllEnvs());
    await expect(startSandbox()).rejects.toThrow('NODE_ENV=production: the sandbox is refused');
  });
});
