import { Kysely, sql, type TableMetadata } from 'kysely';
import { describe, expect, onTestFinished, test } from 'vitest';
import { mysqlDialect } from '../src/db/mysql.ts';
import type { Tables } from '../src/db/schema.ts';
import { sqliteDialect } from '../src/db/sqlite.ts';
import { realSettings, startApp, type TestApp } from './support/app.ts';
import { engines, freshSqlite, redisThere } from './support/engines.ts';
import { lastRelease } from './support/last-release.ts';
import { startRedis } from './support/redis.ts';
import { json, SESSION, startStandIn } from './support/wechat.ts';

const places = [
  ...engines.map(({ name, fresh }) => ({ name: String(name), fresh, redis: false })),
  { name: 'SQLite and Redis', fresh: freshSqlite, redis: true },
].filter(({ redis }) => !redis || redisThere);

describe.each(places)('while instances are replaced, on $name', ({ fresh, redis }) => {
  /** The last release on tables of its own, and this version, which has come to them. */
  async function given() {
    const database = await fresh();
    onTestFinished(database.drop);
    const wechat = await startStandIn();
    wechat.answer((res, req) => {
      const code = new URL(req.url ?? '', 'http://wechat').searchParams.get('js_code');
      json({ ...SESSION, openid: `o${code}` })(res, req);
    });
    const env: Record<string, string> = { ...realSettings(wechat.url), SESSION_CACHE_SECONDS: '0' };
    if (redis) {
      const server = await startRedis();
      onTestFinished(server.stop);
      env['REDIS_URL'] = `redis://127.0.0.1:${server.port}`;
    }
    const shared = { url: database.url, drop: async () => undefined };
    const before = await startApp({ env, database: shared, release: await lastRelease() });
    const db = openTables(database.url);
    onTestFinished(() => db.destroy());
    const tables = await db.introspection.getTables();
    const migrations = await migrationsOf(db);
    const after = await startApp({ env, database: shared });
    return { before, after, db, tables, migrations };
  }
  const login = (app: TestApp, name: string) =>
    app.call('POST', '/api/wxuser', { code: name.padEnd(27, '0') });
  const me = (app: TestApp, token: string, method = 'GET', body?: unknown) =>
    app.call(method, '/api/wxuser/me', body, { Authorization: token });

  test('the last release and this version serve the same users and sessions', async () => {
    const { before, after } = await given();
    const { token, user } = (await login(before, 'ada')).body;
    for (const app of [after, before]) {
      expect((await me(app, token)).body.user).toMatchObject({ id: user.id });
      expect((await login(app, 'ada')).body).toMatchObject({ isNew: false, user: { id: user.id } });
    }

    for (const [one, other] of [
      [before, after],
      [after, before],
    ] as const) {
      const name = one === before ? 'bob' : 'cai';
      const first = await login(one, name); // a new row, from either
      expect([first.status, first.body.isNew]).toEqual([200, true]);
      expect((await login(other, name)).body).toMatchObject({
        isNew: false,
        user: { id: first.body.user.id },
      });

      const nickName = `张三😀 ${name}`;
      expect((await me(one, first.body.token, 'PUT', { nickName })).status).toBe(200);
      expect((await me(other, first.body.token)).body.user).toMatchObject({ nickName });

      const list = await other.call('GET', '/api/wxuser/sessions', undefined, {
        Authorization: first.body.token,
      });
      expect(list.body.sessions).toHaveLength(2);
      const second = (await login(one, name)).body.token;
      expect(
        (await other.call('POST', '/api/wxuser/logout', undefined, { Authorization: second })).status,
      ).toBe(200);
      expect((await me(one, second)).status).toBe(401);

      expect((await me(other, first.body.token, 'DELETE')).status).toBe(200);
      expect((await me(one, first.body.token)).status).toBe(401);
      expect((await login(one, name)).body.isNew).toBe(true);
    }
    for (const { log } of [before, after]) expect(log.filter(({ level }) => Number(level) >= 50)).toEqual([]);
  });

  test('the migrations since then only add what the last release need not know, or are marked', async () => {
    const { db, tables, migrations } = await given();
    const added = (await migrationsOf(db)).filter((name) => !migrations.includes(name));
    if (added.some((name) => name.includes('.needs-'))) return;
    expect(breaking(tables, await db.introspection.getTables())).toEqual([]);
  });
});

test('what the last release would not survive is named', async () => {
  const database = await freshSqlite();
  onTestFinished(database.drop);
  await startApp({ database });
  const db = openTables(database.url);
  onTestFinished(() => db.destroy());
  const tables = await db.introspection.getTables();
  for (const change of [
    'ALTER TABLE wxuser RENAME COLUMN nickName TO nickname2',
    "ALTER TABLE wxuser ADD COLUMN must TEXT NOT NULL DEFAULT ''",
    'ALTER TABLE wxuser ADD COLUMN may TEXT',
    'DROP TABLE wxsession',
    'CREATE TABLE another (id INTEGER NOT NULL)',
  ])
    await sql.raw(change).execute(db);
  const after = await db.introspection.getTables();
  expect(breaking(tables, after)).toEqual(['wxsession is gone', 'wxuser.nickName is gone or another']);
  const must = after.map((table) => ({
    ...table,
    columns: table.columns.map((column) => ({ ...column, hasDefaultValue: false })),
  }));
  expect(breaking(tables, must)).toContain('wxuser.must is needed by an INSERT');
});

/** What of its tables a program from before a change would miss. */
function breaking(before: readonly TableMetadata[], after: readonly TableMetadata[]): string[] {
  return before.flatMap((old) => {
    const now = after.find(({ name }) => name === old.name);
    if (!now) return [`${old.name} is gone`];
    const kind = (column: (typeof old.columns)[number] | undefined) =>
      column && [column.dataType, column.isNullable, column.hasDefaultValue].join();
    const columnsOf = ({ columns }: TableMetadata) => new Map(columns.map((column) => [column.name, column]));
    const [had, has] = [columnsOf(old), columnsOf(now)];
    const lost = [...had].filter(([name, column]) => kind(has.get(name)) !== kind(column));
    const news = [...has.values()].filter(({ name }) => !had.has(name));
    const needed = news.filter((column) => !column.isNullable && !column.hasDefaultValue);
    return [
      ...lost.map(([name]) => `${old.name}.${name} is gone or another`),
      ...needed.map(({ name }) => `${old.name}.${name} is needed by an INSERT`),
    ];
  });
}

function openTables(url: string): Kysely<Tables> {
  const dialect = url.startsWith('sqlite:') ? sqliteDialect(url.slice('sqlite:'.length)) : mysqlDialect(url);
  return new Kysely<Tables>({ dialect });
}

async function migrationsOf(db: Kysely<Tables>): Promise<string[]> {
  const { rows } = await sql<{ name: string }>`SELECT name FROM weapp_login_migration ORDER BY name`.execute(
    db,
  );
  return rows.map(({ name }) => name);
}
