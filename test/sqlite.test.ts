import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { sql } from 'kysely';
import { expect, test } from 'vitest';
import { startApp } from './support/app.ts';
import { hasCommands } from './support/commands.ts';
import { freshSqlite } from './support/engines.ts';
import { run, runServer } from './support/process.ts';

const canLimit = hasCommands('bash', 'prlimit', 'setpriv');

const file = (url: string) => url.replace('sqlite:', '');

async function login(
  url: string,
  user: string,
): Promise<{ status: number; body: { code?: string; requestId?: string; isNew?: boolean } }> {
  const post = (path: string, body: object) =>
    fetch(url + path, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    });
  const button = (await (await post('/sandbox/login-button', { user })).json()) as object;
  const answer = await post('/api/wxuser', button);
  return { status: answer.status, body: (await answer.json()) as { code?: string } };
}

test('the file is in WAL mode, so that others read while one writes', async () => {
  const database = await freshSqlite();
  const app = await startApp({ database });
  await app.login({ user: 'Ada' });
  await app.sql(sql`BEGIN IMMEDIATE`);
  expect((await app.call('GET', '/readyz')).status).toBe(200);
  await app.sql(sql`ROLLBACK`);
  expect(existsSync(`${file(database.url)}-wal`)).toBe(true);
});

test('a lock is waited for without stopping the other requests', async () => {
  const app = await startApp({ database: await freshSqlite() });
  const { token } = (await app.login({ user: 'Ada' })).body;
  await app.sql(sql`BEGIN IMMEDIATE`);
  const waiting = app.login({ user: 'Bob' });
  let passed = 0;
  for (; passed < 20; passed++) {
    expect((await app.call('GET', '/api/wxuser/me', undefined, { Authorization: token })).status).toBe(200);
  }
  await app.sql(sql`ROLLBACK`);
  expect((await waiting).status).toBe(200);
});

test('a statement that found no end of a lock does not keep the others from working after it', async () => {
  const app = await startApp({ database: await freshSqlite() });
  const { token } = (await app.login({ user: 'Ada' })).body;
  const other = { Authorization: (await app.login({ user: 'Ada' })).body.token };
  await app.sql(sql`BEGIN IMMEDIATE`);
  const locked = await app.call('POST', '/api/wxuser/logout', undefined, { Authorization: token });
  expect(locked.body).toMatchObject({ status: 503, code: 'database_unavailable' });
  await app.sql(sql`ROLLBACK`);
  // In a transaction, whose COMMIT nothing may hold up.
  expect((await app.call('PUT', '/api/wxuser/me', { nickName: 'Ada L.' }, other)).status).toBe(200);
  expect(await app.rows()).toMatchObject([{ nickName: 'Ada L.' }]);
});

test.runIf(canLimit)('a full disk is a 503 with the cause in the log, and heals by itself', async () => {
  // A limit on the size of files stands for the end of the disk: writing past it fails in the same place.
  const script = 'trap "" XFSZ; ulimit -S -f 600; exec "$@"';
  const server = await runServer({ LOGIN_RATE_LIMIT: '100000' }, undefined, {
    wrapper: ['bash', '-c', script, 'bash'],
  });
  const statuses = new Map<number, number>();
  let refusal: Awaited<ReturnType<typeof login>> | undefined;
  for (let i = 0; i < 2000 && !refusal; i++) {
    const answer = await login(server.url, `user ${i}`);
    statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
    if (answer.status !== 200) refusal = answer;
  }
  expect(refusal).toMatchObject({ status: 503, body: { code: 'database_unavailable' } });
  expect(statuses.get(200)).toBeGreaterThan(10);
  await server.prints(new RegExp(`"id":"${refusal?.body.requestId}".*"reason":"SQLITE_(FULL|IOERR)`));
  expect((await fetch(`${server.url}/healthz`)).status).toBe(200);

  execFileSync('prlimit', ['--fsize=unlimited', '--pid', String(server.child.pid)]);
  expect((await login(server.url, 'the first with room again')).status).toBe(200);
});

test('a backup taken under load is whole, and holds every login that came before it', async () => {
  const server = await runServer({ LOGIN_RATE_LIMIT: '100000' });
  for (let i = 0; i < 20; i++) await login(server.url, `before ${i}`);
  let running = true;
  const load = (async () => {
    for (let i = 0; running; i++) expect((await login(server.url, `meanwhile ${i}`)).status).toBe(200);
  })();
  const backup = run(['backup', 'copy.db'], {}, server.folder);
  expect(await backup.ended, backup.output()).toBe(0);
  running = false;
  await load;

  const restored = await startApp({
    database: { url: `sqlite:${join(server.folder, 'copy.db')}`, drop: async () => undefined },
  });
  const names = (await restored.rows()).map((row) => row.nickName);
  expect(names).toEqual(expect.arrayContaining(Array.from({ length: 20 }, (_, i) => `before ${i}`)));

  const again = run(['backup', 'copy.db'], {}, server.folder);
  expect(await again.ended).toBe(1);
  expect(again.output()).toBe('copy.db is there already: name a new file\n');
});
