import { sql } from 'kysely';
import { describe, expect, test } from 'vitest';
import { openDatabase } from '../src/db/open.ts';
import { startApp } from './support/app.ts';
import { freshMysql, freshSqlite, mysqlUrl } from './support/engines.ts';
import { run } from './support/process.ts';

/** Fills a new database with users of every kind. */
async function filled(url: string, count: number): Promise<void> {
  const { db } = await openDatabase(url);
  for (let first = 1; first <= count; first += 2000) {
    const rows = Array.from({ length: Math.min(2000, count - first + 1) }, (_, i) => userOf(first + i));
    await db.insertInto('wxuser').values(rows).execute();
  }
  await db.destroy();
}

function userOf(id: number) {
  const at = '2026-01-02 03:04:05.678';
  return {
    id: id * 3,
    appid: 'wx0123456789abcdef',
    user_id: `o${String(id).padStart(27, '0')}`,
    unionid: id % 2 ? `u${id}` : null,
    nickName: id % 5 ? `用户 😀 ${id}` : null,
    avatar: id % 3 ? `https://example.com/${id}.png` : null,
    gender: id % 3,
    status: id % 7 ? ('active' as const) : ('banned' as const),
    own_nickName: id % 2,
    session_generation: id % 4,
    created_at: at,
    updated_at: at,
    last_login_at: id % 4 ? at : null,
  };
}

async function count(url: string): Promise<number> {
  const { db } = await openDatabase(url);
  const { n } = await db
    .selectFrom('wxuser')
    .select(db.fn.countAll<number>().as('n'))
    .executeTakeFirstOrThrow();
  await db.destroy();
  return Number(n);
}

describe.skipIf(!mysqlUrl)('weapp-login copy', () => {
  test('200,000 users from SQLite to MySQL; killed half-way, the next run finishes it', {
    timeout: 180_000,
  }, async () => {
    const [from, to] = [await freshSqlite(), await freshMysql()];
    await filled(from.url, 200_000);
    const started = Date.now();
    const first = run(['copy', '--from', from.url, '--to', to.url]);
    await first.prints('60000 of 200000 rows of wxuser');
    first.child.kill('SIGKILL');
    await first.ended;
    const there = await count(to.url);
    expect(there).toBeGreaterThanOrEqual(60_000);
    expect(there).toBeLessThan(200_000);

    const second = run(['copy', '--from', from.url, '--to', to.url]);
    expect(await second.ended, second.output()).toBe(0);
    const [, rows, written] =
      /(\d+) users and \d+ sessions are the same on both sides, checksum [0-9a-f]{16} \((\d+) written/.exec(
        second.output(),
      ) ?? [];
    expect([Number(rows), Number(written)]).toEqual([200_000, 200_000 - there]);
    process.stdout.write(
      `copy of 200,000 users, killed at ${there}: ${Date.now() - started} ms in all; ${second.output().split('\n').at(-2)}\n`,
    );

    const third = run(['copy', '--from', from.url, '--to', to.url]);
    expect(await third.ended).toBe(0);
    expect(third.output()).toMatch(/200000 users and 0 sessions are the same .*\(0 written/);
    await Promise.all([from.drop(), to.drop()]);
  });

  test('a second run brings what changed meanwhile; there and back again nothing is different', async () => {
    const [from, to, back] = [await freshSqlite(), await freshMysql(), await freshSqlite()];
    await filled(from.url, 2500);
    expect(await run(['copy', '--from', from.url, '--to', to.url]).ended).toBe(0);
    const { db } = await openDatabase(from.url);
    await db.updateTable('wxuser').set({ nickName: 'new' }).where('id', '=', 30).execute();
    await db.insertInto('wxuser').values(userOf(3000)).execute();
    const about = { wxuser_id: 30, avatar: 'https://example.com/😀.png', suggest: null, label: null };
    const asked = { trace_id: 't', ...about, created_at: '2026-01-02 03:04:05.678' };
    await db.insertInto('wxmedia_check').values(asked).execute();
    await db.destroy();
    const again = run(['copy', '--from', from.url, '--to', to.url]);
    expect(await again.ended).toBe(0);
    expect(again.output()).toMatch(/2501 users and 0 sessions are the same .*\(3 written/);
    const home = run(['copy', '--from', to.url, '--to', back.url]);
    expect(await home.ended, home.output()).toBe(0);
    expect(checksum(home.output())).toBe(checksum(again.output()));
    const { db: copied } = await openDatabase(back.url);
    const { generation } = await copied
      .selectFrom('wxuser')
      .select('session_generation as generation')
      .where('id', '=', 9)
      .executeTakeFirstOrThrow();
    await copied.destroy();
    expect(generation).toBe(3); // no session comes back that was ended
    await Promise.all([from.drop(), to.drop(), back.drop()]);
  });

  test('a user goes on where he was after the move', async () => {
    const [from, to] = [await freshSqlite(), await freshMysql()];
    const env = { JWT_SECRET: 'eMsft9ydoEYJ07v0LfjLfg2ArfXsSaZi6dx3Syho' };
    const before = await startApp({ database: from, env });
    const { body } = await before.login({ user: 'Ada' });
    await before.close();
    expect(await run(['copy', '--from', from.url, '--to', to.url]).ended).toBe(0);
    const after = await startApp({ database: to, env });
    expect(
      (await after.call('GET', '/api/wxuser/me', undefined, { Authorization: body.token })).body.user,
    ).toEqual(body.user);
    expect((await after.login({ user: 'Ada' })).body).toMatchObject({
      isNew: false,
      user: { id: body.user.id },
    });
    expect((await after.login({ user: 'Bob' })).body.isNew).toBe(true);
    // A session that ended in the source ends in the target with the next copy.
    const again = await startApp({ database: from, env });
    await again.call('POST', '/api/wxuser/logout', undefined, { Authorization: body.token });
    await again.close();
    await after.sql(sql`DELETE FROM wxuser WHERE id <> ${body.user.id}`);
    expect(await run(['copy', '--from', from.url, '--to', to.url]).ended).toBe(0);
    const me = async () =>
      (await after.call('GET', '/api/wxuser/me', undefined, { Authorization: body.token })).body.code;
    await expect.poll(me, { timeout: 10_000 }).toBe('session_ended');
    await after.close();
    await Promise.all([from.drop(), to.drop()]);
  });

  test('a target with users of its own is told apart, not mixed up silently', async () => {
    const [from, to] = [await freshSqlite(), await freshMysql()];
    await filled(from.url, 10);
    const { db } = await openDatabase(to.url);
    await db
      .insertInto('wxuser')
      .values({ ...userOf(500), id: 1 })
      .execute();
    await db.destroy();
    const copy = run(['copy', '--from', from.url, '--to', to.url]);
    expect(await copy.ended).toBe(1);
    expect(copy.output()).toMatch(
      /^Nothing was copied:\nwxuser: the target has 1 users whom the source has not, such as id 1\. Name an empty database/m,
    );
    expect(await count(to.url)).toBe(1);
    await Promise.all([from.drop(), to.drop()]);
  });
});

test('copy without an address, and with a wrong one, says how to call it', async () => {
  const missing = run(['copy', '--from', 'sqlite:a.db']);
  expect(await missing.ended).toBe(1);
  expect(missing.output()).toMatch(/^usage: weapp-login copy .*--to is missing/);
  const wrong = run(['copy', '--from', 'sqlite:a.db', '--to', 'postgres://secret@h/d']);
  expect(await wrong.ended).toBe(1);
  expect(wrong.output()).toMatch(/DATABASE_URL must be sqlite:/);
  expect(wrong.output()).not.toMatch(/secret/);
});

const checksum = (output: string) => /checksum ([0-9a-f]{16})/.exec(output)?.[1];
