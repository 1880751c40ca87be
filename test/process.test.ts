import { once } from 'node:events';
import { existsSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { JWT_SECRET, realSettings } from './support/app.ts';
import { run, runServer } from './support/process.ts';
import { json, SESSION, startStandIn } from './support/wechat.ts';

const post = (url: string, body: object) =>
  fetch(url, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) });

async function login(url: string, user: string) {
  const button = (await (await post(`${url}/sandbox/login-button`, { user })).json()) as object;
  return (await post(`${url}/api/wxuser`, button)).json() as Promise<{ token: string; isNew: boolean }>;
}

describe('weapp-login start', () => {
  test('needs no settings, and says in plain words what the sandbox is', async () => {
    const server = await runServer();
    await server.prints(
      /SANDBOX: a local WeChat for development.\s+It lets anyone log in as anyone. Only this machine/,
    );
    await server.prints(`Open ${server.url.replace('127.0.0.1', 'localhost')} in a browser`);
    expect(await (await fetch(`${server.url}/`)).text()).toContain('/sandbox/demo/page.js');
    expect(server.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect((await login(server.url, 'Ada')).isNew).toBe(true);
    expect(existsSync(join(server.folder, 'data/weapp-login.db'))).toBe(true);
  });

  test('HOST set on purpose opens the sandbox to others, and says so', async () => {
    const server = await runServer({ HOST: '0.0.0.0' });
    await server.prints('HOST=0.0.0.0: OTHER MACHINES CAN REACH IT');
    const local = await runServer({ HOST: 'localhost' });
    await local.prints('Only this machine can reach it');
    expect((await login(server.url, 'Ada')).isNew).toBe(true);
  });

  test('after a restart the rows are there, and the tokens are good', async () => {
    const first = await runServer();
    const { token } = await login(first.url, 'Ada');
    first.child.kill('SIGTERM');
    expect(await first.ended).toBe(0);

    const second = await runServer({}, first.folder);
    const me = await fetch(`${second.url}/api/wxuser/me`, { headers: { Authorization: token } });
    expect(me.status).toBe(200);
    expect((await login(second.url, 'Ada')).isNew).toBe(false);
    const { mode } = statSync(join(first.folder, 'data/sandbox-jwt-secret'));
    expect((mode & 0o777).toString(8)).toBe('600');
  });

  test('production without an app refuses to start, with every problem and what to set', async () => {
    const server = run([], { NODE_ENV: 'production', PORT: 'x' });
    expect(await server.ended).toBe(1);
    expect(server.output()).toMatch(/PORT must be a whole number/);
    expect(server.output()).toMatch(/WX_APPID is not set: with NODE_ENV=production the sandbox is refused/);
    expect(existsSync(join(server.folder, 'data'))).toBe(false);
  });

  test('settings come from .env too; the environment goes first', async () => {
    const first = run(['migrate'], {});
    await first.ended;
    writeFileSync(join(first.folder, '.env'), 'HOST=localhost-of-nobody\nJWT_ISSUER=from-the-file\n');
    const server = await runServer({ HOST: '127.0.0.1' }, first.folder);
    const { token } = await login(server.url, 'Ada');
    expect(JSON.parse(atob(token.split('.')[1] ?? '')).iss).toBe('from-the-file');
  });

  test('a port that is taken is named, with what to do', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    onTestFinished(() => void taken.close());
    const { port } = taken.address() as { port: number };
    const server = run(['start'], { PORT: String(port) });
    expect(await server.ended).toBe(1);
    expect(server.output()).toMatch(/another server has this port. Stop it, or set PORT/);
  });

  test('a database that cannot be reached is named', async () => {
    const server = run(['start'], {
      DATABASE_URL: 'mysql://root:a-password@127.0.0.1:1/x',
      START_WAIT: '0',
    });
    expect(await server.ended).toBe(1);
    expect(server.output()).toMatch(
      /database_unavailable: POOL_NONE_ANSWERS: 127.0.0.1:1: connect ECONNREFUSED/,
    );
    expect(server.output()).not.toMatch(/a-password/);
  });

  test.each(['SIGTERM', 'SIGINT'] as const)(
    'on %s the requests in flight finish, and nothing new begins',
    async (signal) => {
      const wechat = await startStandIn();
      let release = () => {};
      const asked = new Promise<void>((resolve) => {
        wechat.answer((res, req) => {
          release = () => json(SESSION)(res, req);
          resolve();
        });
      });
      const server = await runServer({
        ...realSettings(wechat.url),
        HOST: '127.0.0.1',
        NODE_ENV: 'production',
      });
      await fetch(`${server.url}/healthz`); // leaves an idle kept connection behind
      const inFlight = post(`${server.url}/api/wxuser`, { code: 'slow' });
      await asked;
      server.child.kill(signal);
      await server.prints('stopping');
      await expect.poll(() => fetch(`${server.url}/healthz`).catch(() => 'refused')).toBe('refused');
      release();
      expect((await inFlight).status).toBe(200);
      expect(await server.ended).toBe(0);
      expect(server.output()).toMatch(/"msg":"stopped"/);
    },
  );
});

test('a proxy for the outside world does not stand between the server and its sandbox', async () => {
  const nowhere = 'http://127.0.0.1:9';
  const server = await runServer({ HTTP_PROXY: nowhere, http_proxy: nowhere });
  expect((await login(server.url, 'Ada')).isNew).toBe(true);
});

test('a second signal ends the process at once', async () => {
  const wechat = await startStandIn();
  const asked = new Promise<void>((resolve) => wechat.answer(() => resolve()));
  const server = await runServer({ ...realSettings(wechat.url), HOST: '127.0.0.1' });
  const inFlight = post(`${server.url}/api/wxuser`, { code: 'never-answered' }).catch(() => 'cut');
  await asked;
  server.child.kill('SIGTERM');
  await server.prints('stopping');
  server.child.kill('SIGTERM');
  expect(await server.ended).toBe(1);
  expect(await inFlight).toBe('cut');
});

test('a start that fails half-way leaves nothing behind', async () => {
  const first = run(['migrate']);
  await first.ended;
  writeFileSync(join(first.folder, 'data/sandbox-jwt-secret'), '', { mode: 0o600 });
  const server = run(['start'], { PORT: '0' }, first.folder);
  expect(await server.ended).toBe(1);
  expect(server.output()).toMatch(/sandbox-jwt-secret is cut short: delete it/);
});

describe('weapp-login migrate', () => {
  test('makes the tables, and the second time finds them up to date', async () => {
    const first = run(['migrate']);
    expect(await first.ended).toBe(0);
    expect(first.output()).toMatch(
      /create the table wxuser\n[\s\S]*migrated: 001-wxuser, 002-koa-user, [\w, -]+\n$/,
    );
    const second = run(['migrate'], {}, first.folder);
    expect(await second.ended).toBe(0);
    expect(second.output()).toBe('the tables are up to date\n');
  });

  test('needs the same settings as the server', async () => {
    const migrate = run(['migrate'], { NODE_ENV: 'production', JWT_SECRET });
    expect(await migrate.ended).toBe(1);
    expect(migrate.output()).toMatch(/WX_APPID is not set/);
  });
});

test('an unknown command shows the usage', async () => {
  const wrong = run(['constructor']);
  expect(await wrong.ended).toBe(2);
  expect(wrong.output()).toMatch(/^usage: weapp-login/);
});
