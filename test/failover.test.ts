import { createConnection, type RowDataPacket } from 'mysql2/promise';
import { beforeAll, describe, expect, inject, onTestFinished, test } from 'vitest';
import { realSettings, startApp, type TestApp } from './support/app.ts';
import { freshMysql } from './support/engines.ts';
import { canPartition, type Galera, hasGalera, startGalera } from './support/galera.ts';
import { type Attempt, type Load, startLoad, summarize } from './support/load.ts';
import { hasMariaDb, startMariaDb } from './support/mariadb.ts';
import { startProxy } from './support/proxy.ts';
import { json, SESSION, startStandIn } from './support/wechat.ts';

/** A server whose users are who their code says. */
async function startServer(databaseUrl: string): Promise<TestApp> {
  const wechat = await startStandIn();
  wechat.answer((res, req) => {
    const code = new URL(req.url ?? '', 'http://wechat').searchParams.get('js_code');
    json({ ...SESSION, openid: `o${code}`.slice(0, 28) })(res, req);
  });
  return startApp({
    env: { ...realSettings(wechat.url), DATABASE_URL: databaseUrl },
    database: { url: databaseUrl, drop: async () => undefined },
  });
}

/** Every login that was answered 200 is in the table; every other one was refused as it should be. */
async function expectNothingLost(attempts: readonly Attempt[], url: string): Promise<void> {
  const connection = await createConnection(url);
  await connection.query('SET SESSION wsrep_sync_wait = 7');
  const [rows] = await connection.query<RowDataPacket[]>('SELECT user_id AS openid FROM wxuser');
  await connection.end();
  const stored = new Set(rows.map((row) => row['openid']));
  const good = attempts.filter((attempt) => attempt.status === 200);
  expect(good.filter((attempt) => !stored.has(attempt.openid))).toEqual([]);
  expect(rows).toHaveLength(stored.size);
  const refused = attempts.filter((attempt) => attempt.status !== 200);
  expect(refused.filter(({ status, code }) => status !== 503 || code !== 'database_unavailable')).toEqual([]);
}

/** Waits until that many more logins have succeeded. */
async function moreLogins(attempts: readonly Attempt[], count: number): Promise<void> {
  const wanted = attempts.filter((attempt) => attempt.status === 200).length + count;
  await expect
    .poll(() => attempts.filter((attempt) => attempt.status === 200).length, { timeout: 30_000 })
    .toBeGreaterThan(wanted);
}

const print = (name: string, figures: object) =>
  process.stdout.write(`${name}: ${JSON.stringify(figures)}\n`);

describe.skipIf(!hasMariaDb())('MariaDB is killed under a steady load of logins', () => {
  test('nothing acknowledged is lost, the rest is refused fast, and it recovers by itself', {
    timeout: 90_000,
  }, async () => {
    const mariadb = await startMariaDb();
    onTestFinished(mariadb.stop);
    const url = `${mariadb.url}weapp`;
    await (await createConnection(mariadb.url)).query('CREATE DATABASE weapp');
    const app = await startServer(url);
    const load = startLoad([app.url], 8);
    await moreLogins(load.attempts, 200);

    await mariadb.kill();
    const killedAt = performance.now();
    await expect.poll(async () => (await app.call('GET', '/readyz')).status).toBe(503);
    // The server is away for three seconds, as long as the issue of a real restart takes.
    await new Promise((resolve) => setTimeout(resolve, 3000));
    await mariadb.start();
    await moreLogins(load.attempts, 200);
    const attempts = await load.stop();

    const refused = attempts.filter((attempt) => attempt.status !== 200);
    print('MariaDB killed and restarted', {
      ...summarize(attempts),
      downMs: Math.round(performance.now() - killedAt),
    });
    expect(refused.length).toBeGreaterThan(0);
    expect(Math.max(...refused.map((attempt) => attempt.ms))).toBeLessThan(4000); // never the time-out of a minute
    expect((await app.call('GET', '/readyz')).status).toBe(200);
    expect(app.log.filter((line) => line['msg'] === 'database node left')).toHaveLength(1);
    expect(app.log.filter((line) => line['msg'] === 'database node is back')).toHaveLength(1);
    await expectNothingLost(attempts, url);
    await app.close();
  });
});

describe.skipIf(!inject('mysqlUrl'))('two addresses of one server', () => {
  async function start() {
    const { port } = new URL(inject('mysqlUrl') ?? '');
    const database = await freshMysql();
    const [one, two] = [await startProxy(Number(port)), await startProxy(Number(port))];
    const { username, password, pathname } = new URL(database.url);
    const url = `mysql://${username}:${password}@127.0.0.1:${one.port},127.0.0.1:${two.port}${pathname}?timeout=500`;
    const app = await startServer(url);
    onTestFinished(async () => {
      await app.close();
      await Promise.all([one.cut(), two.cut()]);
      await database.drop();
    });
    let count = 0;
    const login = () => app.call('POST', '/api/wxuser', { code: `user${String(count++).padStart(23, '0')}` });
    return { app, one, two, login };
  }
  const events = (app: TestApp) =>
    app.log
      .filter((line) => String(line['msg']).startsWith('database node'))
      .map((line) => String(line['msg']).split(' ').at(-1));

  test('the first is cut: the same request succeeds on the second; back, the first is used again', async () => {
    const { app, one, two, login } = await start();
    await login();
    await one.cut();
    expect((await login()).status).toBe(200);
    await one.mend();
    await expect.poll(() => events(app)).toEqual(['left', 'back']);
    await two.cut();
    expect((await login()).status).toBe(200);
    await two.mend();
  });

  test('the first swallows every packet: one time-out for those in flight, none for those after', async () => {
    const { app, one, login } = await start();
    await Promise.all(Array.from({ length: 10 }, login)); // ten open connections to the first
    one.swallow();
    const answers = await Promise.all(Array.from({ length: 10 }, login));
    expect(answers.map((answer) => answer.status)).toEqual(Array(10).fill(200));
    expect(events(app)).toEqual(['left']);
    const started = performance.now();
    for (let i = 0; i < 20; i++) expect((await login()).status).toBe(200);
    expect(performance.now() - started).toBeLessThan(20 * 500); // none waited for the time-out
  });

  test('both swallow every packet: 503 within the time-out, then at once; and the server can still be stopped', async () => {
    const { app, one, two, login } = await start();
    await login();
    one.swallow();
    two.swallow();
    const answers = await Promise.all(Array.from({ length: 200 }, login));
    expect(new Set(answers.map((answer) => answer.body.code))).toEqual(new Set(['database_unavailable']));
    expect((await app.call('GET', '/readyz')).body.code).toBe('database_unavailable');
    await app.stopServer();
  });

  test('both are cut: 503 at once, with the cause of each in the log', async () => {
    const { app, one, two, login } = await start();
    await login();
    await Promise.all([one.cut(), two.cut()]);
    const { status, body } = await login();
    expect(status).toBe(503);
    expect(body).toMatchObject({ code: 'database_unavailable', retry: 'later' });
    const { reason } = app.log.find((line) => line['id'] === body.requestId) ?? {};
    expect(reason).toMatch(/^POOL_NONE_ANSWERS: 127\.0\.0\.1:\d+: .+; 127\.0\.0\.1:\d+: .+/);
    await Promise.all([one.mend(), two.mend()]);
    await expect.poll(async () => (await login()).status).toBe(200);
  });
});

describe.skipIf(!hasGalera())(
  'a three-node Galera cluster under a steady load of logins',
  { timeout: 180_000 },
  () => {
    let galera: Galera;
    let apps: TestApp[];

    beforeAll(async () => {
      galera = await startGalera();
      return () => galera.stop();
    }, 120_000);

    /** Two servers on the cluster, with a database of its own for this test. */
    async function start(database: string) {
      const setup = await createConnection(galera.nodes[0]?.url ?? '');
      await setup.query(`CREATE DATABASE ${database}`);
      await setup.end();
      apps = [await startServer(galera.url(database)), await startServer(galera.url(database))];
      const load = startLoad(
        apps.map((app) => app.url),
        8,
      );
      await moreLogins(load.attempts, 200);
      return load;
    }

    async function finish(load: Load, database: string, name: string): Promise<void> {
      await moreLogins(load.attempts, 200);
      const attempts = await load.stop();
      print(name, summarize(attempts));
      for (const node of galera.nodes) await expectNothingLost(attempts, `${node.url}${database}`);
      for (const app of apps) await app.close();
    }

    test('the node that serves is killed, and rejoins: no loss', async () => {
      const load = await start('killed');
      await galera.nodes[0]?.kill();
      await moreLogins(load.attempts, 200);
      await galera.nodes[0]?.start();
      await finish(load, 'killed', 'Galera, a node killed and rejoined');
    });

    test.skipIf(!canPartition())('the node that serves is cut off, and healed: no loss', async () => {
      const load = await start('cutoff');
      const [node] = galera.nodes;
      await node?.partition();
      await moreLogins(load.attempts, 200);
      await expect.poll(async () => (await node?.status())?.primary, { timeout: 20_000 }).toBe(false);
      await node?.heal();
      await finish(load, 'cutoff', 'Galera, a node cut off and healed');
    });
  },
);
