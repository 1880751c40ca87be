import { createConnection, type RowDataPacket } from 'mysql2/promise';
import { beforeEach, describe, expect, test } from 'vitest';
import { realSettings, startApp } from './support/app.ts';
import { engines, type FreshDatabase, freshMysql } from './support/engines.ts';
import { hasMariaDb, startMariaDb } from './support/mariadb.ts';
import { runServer } from './support/process.ts';
import { json, SESSION, startStandIn } from './support/wechat.ts';

const post = (url: string, code: string) =>
  fetch(`${url}/api/wxuser`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ code }),
  });

describe.each(engines)('four processes on one database, on $name', ({ fresh }) => {
  let database: FreshDatabase;
  beforeEach(async () => {
    database = await fresh();
    return () => database.drop();
  });

  test('started at once they migrate once; 200 first logins of 20 users at once make 20 rows', {
    timeout: 60_000,
  }, async () => {
    const wechat = await startStandIn();
    wechat.answer((res, req) => {
      const code = new URL(req.url ?? '', 'http://wechat').searchParams.get('js_code');
      json({ ...SESSION, openid: `oUserNumber${code?.split('-')[0]}`.padEnd(28, '0') })(res, req);
    });
    const env = {
      ...realSettings(wechat.url),
      HOST: '127.0.0.1',
      DATABASE_URL: database.url,
      LOGIN_RATE_LIMIT: '1000',
    };
    const servers = await Promise.all([1, 2, 3, 4].map(() => runServer(env)));
    expect(servers.filter((server) => server.output().includes('create the table wxuser'))).toHaveLength(1);

    const answers = await Promise.all(
      Array.from({ length: 200 }, (_, i) =>
        post(servers[i % 4]?.url ?? '', `${String(i % 20).padStart(2, '0')}-${i}`),
      ),
    );
    expect(answers.filter((answer) => answer.status !== 200)).toEqual([]);
    const bodies = (await Promise.all(answers.map((answer) => answer.json()))) as {
      isNew: boolean;
      user: { id: number };
    }[];
    expect(bodies.filter((body) => body.isNew)).toHaveLength(20);
    expect(new Set(bodies.map((body) => body.user.id)).size).toBe(20);
    const app = await startApp({ database, env });
    expect(await app.rows()).toHaveLength(20);
    await app.close();
  });
});

describe.each(engines)('what a login costs the database, on $name', ({ fresh }) => {
  test('returning users burn no ids, and nothing new writes only the time of the login', async () => {
    const database = await fresh();
    const app = await startApp({ database });
    await app.login({ user: 'Ada' });
    const [before] = await app.rows();
    for (let i = 0; i < 20; i++) await app.login({ user: 'Ada' });
    await app.login({ user: 'Bob' });
    const [ada, bob] = await app.rows();
    expect(ada).toEqual({ ...before, last_login_at: ada?.last_login_at });
    expect(bob?.id).toBe(Number(ada?.id) + 1);
    await app.close();
    await database.drop();
  });
});

// A server of its own, since it counts for everybody.
test.skipIf(!hasMariaDb())(
  'on MySQL a returning user costs two statements, a new one four, and a session three more',
  async () => {
    const mariadb = await startMariaDb();
    const database = await freshMysql(mariadb.url);
    const app = await startApp({ database });
    await app.login({ user: 'Ada' });
    const connection = await createConnection(database.url);

    async function cost(work: () => Promise<unknown>): Promise<Record<string, number>> {
      const [before, , after] = [await statements(), await work(), await statements()];
      return Object.fromEntries([...after].map(([name, value]) => [name, value - (before.get(name) ?? 0)]));
    }
    async function statements(): Promise<Map<string, number>> {
      const names = "'Com_select', 'Com_update', 'Com_insert'";
      const query = `SHOW GLOBAL STATUS WHERE Variable_name IN (${names})`;
      const [rows] = await connection.query<RowDataPacket[]>(query);
      return new Map(rows.map((row) => [String(row['Variable_name']), Number(row['Value'])]));
    }

    const returning = await cost(() => app.login({ user: 'Ada' }));
    expect(returning).toEqual({ Com_select: 1 + 2, Com_update: 1, Com_insert: 0 + 1 });
    const first = await cost(() => app.login({ user: 'Bob' }));
    expect(first).toEqual({ Com_select: 2 + 2, Com_update: 1, Com_insert: 1 + 1 });
    await connection.end();
    await app.close();
    await mariadb.stop();
  },
);
