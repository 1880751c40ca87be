import { type Connection, createConnection } from 'mysql2/promise';
import { beforeAll, describe, expect, inject, onTestFinished, test } from 'vitest';
import { examineServers } from '../src/doctor/mysql.ts';
import { startApp, type TestApp } from './support/app.ts';
import { freshMysql } from './support/engines.ts';
import { findMysql56, startMysql56 } from './support/mysql56.ts';
import { run } from './support/process.ts';
import { startProxy } from './support/proxy.ts';

const limitEvents = (app: TestApp) =>
  app.log
    .filter((line) => String(line['msg']).startsWith('database node'))
    .map(({ msg, connections, reason }) => ({ msg, connections, reason }));
const burst = (app: TestApp, from: number) =>
  Promise.all(Array.from({ length: 20 }, (_, i) => app.login({ user: `u${from + i}` })));
const statuses = (answers: readonly { status: number }[]) => [
  ...new Set(answers.map(({ status }) => status)),
];

describe.skipIf(!inject('mysqlUrl'))('a user of MySQL who may have five connections', () => {
  let admin: Connection;
  let url: string;

  beforeAll(async () => {
    const server = inject('mysqlUrl') ?? '';
    const database = await freshMysql(server);
    const name = new URL(database.url).pathname.slice(1);
    admin = await createConnection(server);
    await admin.query(`GRANT ALL ON ${name}.* TO five@'%' IDENTIFIED BY 'p' WITH MAX_USER_CONNECTIONS 5`);
    const own = new URL(database.url);
    [own.username, own.password] = ['five', 'p'];
    url = own.href;
    return async () => {
      await admin.query("DROP USER five@'%'");
      await admin.end();
      await database.drop();
    };
  });

  test('five bursts of 20 logins are all served; the log says it once, and once that there are more', async () => {
    const app = await startApp({ database: { url, drop: async () => undefined } });
    for (let i = 0; i < 5; i++) expect(statuses(await burst(app, 20 * i))).toEqual([200]);
    const reason = expect.stringContaining('max_user_connections');
    const less = {
      msg: 'database node gives fewer connections: requests wait for those there are',
      connections: expect.any(Number),
      reason,
    };
    expect(limitEvents(app)).toEqual([less]);
    expect((await app.call('GET', '/readyz')).status).toBe(200);

    await admin.query("GRANT USAGE ON *.* TO five@'%' WITH MAX_USER_CONNECTIONS 0");
    onTestFinished(
      async () => void (await admin.query("GRANT USAGE ON *.* TO five@'%' WITH MAX_USER_CONNECTIONS 5")),
    );
    await expect
      .poll(async () => {
        expect(statuses(await burst(app, 0))).toEqual([200]);
        return limitEvents(app);
      })
      .toEqual([
        less,
        {
          msg: 'database node gives all connections again',
          connections: 10,
          reason: undefined,
        },
      ]);
  });

  test('while others have all five, migrate, users, doctor and start say so and what to do', async () => {
    const others = await Promise.all(Array.from({ length: 5 }, () => createConnection(url)));
    onTestFinished(async () => void (await Promise.all(others.map((other) => other.end()))));
    const env = { DATABASE_URL: url, START_WAIT: '0', PORT: '0' };
    for (const command of [['migrate'], ['users', 'x'], ['start']]) {
      const ended = run(command, env);
      expect(await ended.ended, command[0]).toBe(1);
      expect(ended.output()).toMatch(
        /database_unavailable: .*max_user_connections.*\nThe server gives no further connection: /,
      );
    }
    const doctor = run(['doctor'], env);
    expect(await doctor.ended).toBe(1);
    expect(doctor.output()).toMatch(/^problem +database: .*max_user_connections/m);
    expect(doctor.output()).toMatch(/→ The server gives no further connection: /);
  });

  test('one connection is enough, for the migrations and for bursts', async () => {
    await admin.query("GRANT USAGE ON *.* TO five@'%' WITH MAX_USER_CONNECTIONS 1");
    onTestFinished(async () => {
      await admin.query("GRANT USAGE ON *.* TO five@'%' WITH MAX_USER_CONNECTIONS 5");
    });
    const database = await freshMysql(inject('mysqlUrl'));
    onTestFinished(database.drop);
    const own = new URL(database.url);
    await admin.query(`GRANT ALL ON ${own.pathname.slice(1)}.* TO five@'%'`);
    [own.username, own.password] = ['five', 'p'];
    const app = await startApp({ database: { url: own.href, drop: async () => undefined } });
    expect(statuses(await burst(app, 0))).toEqual([200]);
  });

  test('the doctor warns of it', async () => {
    const findings = await examineServers(url);
    expect(findings).toContainEqual({
      level: 'warning',
      subject: 'database',
      says: 'max_user_connections is 5, and each instance wants 10 connections: requests wait for those there are, and no command gets one',
      todo: 'raise it, or write ?connections=3 at the end of DATABASE_URL (fewer with several instances)',
    });
    expect((await examineServers(`${url}?connections=3`)).filter(({ level }) => level !== 'ok')).toEqual([]);
    expect((await examineServers(url.replace('@', '@127.0.0.1:1,')))[0]).toMatchObject({
      level: 'warning',
      says: '127.0.0.1:1 cannot be used: connect ECONNREFUSED 127.0.0.1:1',
    });
  });

  test.each([
    [
      'the hour allows no more of them',
      "GRANT USAGE ON *.* TO five@'%' WITH MAX_CONNECTIONS_PER_HOUR 1",
      /max_connections_per_hour/,
    ],
    ['the password was changed', "SET PASSWORD FOR five@'%' = PASSWORD('q')", /Access denied/],
  ])('connections that are open go on though %s', async (_name, change, reason) => {
    const app = await startApp({ database: { url, drop: async () => undefined } });
    await app.login({ user: 'first' });
    await admin.query(change);
    onTestFinished(async () => {
      await admin.query("GRANT USAGE ON *.* TO five@'%' IDENTIFIED BY 'p' WITH MAX_CONNECTIONS_PER_HOUR 0");
      await admin.query('FLUSH USER_RESOURCES');
    });
    expect(statuses(await burst(app, 0))).toEqual([200]);
    expect(limitEvents(app)).toMatchObject([{ reason: expect.stringMatching(reason) }]);
  });

  test('connections that the server ends, for idleness or by a KILL, cost nobody a login', async () => {
    const app = await startApp({ database: { url, drop: async () => undefined } });
    await burst(app, 0);
    const [rows] = await admin.query(
      "SELECT ID AS id FROM information_schema.PROCESSLIST WHERE USER = 'five'",
    );
    const kills = (rows as { id: number }[]).map(({ id }) =>
      admin.query(`KILL ${id}`).catch(() => undefined),
    );
    const answers = [...(await burst(app, 0)), ...(await burst(app, 0))];
    await Promise.all(kills);
    expect(statuses(answers)).toEqual([200]);
    expect(app.log.filter(({ msg }) => msg === 'database node left')).toEqual([]);
  });
});

test.skipIf(!inject('mysqlUrl'))(
  'of connections that a firewall forgot only the first costs a time-out',
  async () => {
    const database = await freshMysql();
    const { port, hostname } = new URL(database.url);
    const proxy = await startProxy(Number(port));
    onTestFinished(async () => {
      await proxy.cut();
      await database.drop();
    });
    const url = `${database.url.replace(`${hostname}:${port}`, `127.0.0.1:${proxy.port}`)}?timeout=500`;
    const app = await startApp({ database: { url, drop: async () => undefined } });
    await burst(app, 0);
    proxy.forget();
    const answers = [];
    for (let i = 0; i < 10; i++) answers.push((await app.login({ user: 'u0' })).status);
    expect(answers).toEqual([503, ...Array(9).fill(200)]);
    expect(app.log.filter(({ msg }) => msg === 'database node left')).toEqual([]);
    await app.close();
  },
);

describe.skipIf(!findMysql56())('a server whose connections are nearly used up', () => {
  test('serves with those there are; with none the answer is a 503 that names it, and it recovers', async () => {
    const server = await startMysql56(['--max-connections=7']);
    onTestFinished(server.stop);
    const setup = await createConnection(server.url);
    await setup.query('CREATE DATABASE d');
    await setup.query("GRANT ALL ON d.* TO plain@localhost IDENTIFIED BY 'p'"); // one with SUPER may have one more
    await setup.end();
    const url = server.url.replace('root', 'plain:p');
    const others = await Promise.all(Array.from({ length: 4 }, () => createConnection(`${url}d`)));
    const app = await startApp({ database: { url: `${url}d`, drop: async () => undefined } });
    expect(statuses(await burst(app, 0))).toEqual([200]);
    expect(limitEvents(app)).toMatchObject([{ reason: 'Too many connections' }]);
    await app.stopServer();

    for (let i = 0; i < 10; i++) {
      const other = await createConnection(`${url}d`).catch(() => undefined);
      if (other) others.push(other);
    }
    const { pathname } = new URL(`${url}d`);
    const full = run(['migrate', '--dry-run'], {
      DATABASE_URL: `${url}${pathname.slice(1)}`,
      START_WAIT: '2m',
    });
    await full.prints(/not up yet, waiting for it 120 s: .*Too many connections/);
    for (const other of others) await other.end();
    expect(await full.ended).toBe(0);
  });
});
