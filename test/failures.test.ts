import { createConnection } from 'mysql2/promise';
import { describe, expect, inject, test } from 'vitest';
import { repeating } from '../src/db/failures.ts';
import { openDatabase } from '../src/db/open.ts';
import { asMigration } from '../src/db/steps.ts';
import { AppError } from '../src/errors.ts';
import { startApp } from './support/app.ts';
import { freshMysql } from './support/engines.ts';

const failing = (...codes: string[]) => {
  let calls = 0;
  const work = async () => {
    const code = codes[calls++];
    if (code) throw Object.assign(new Error('from the driver'), { code });
    return calls;
  };
  return repeating(work).then(
    (result) => ({ result, calls }),
    (error: unknown) => ({ error, calls }),
  );
};

describe('what a repository does about a failure of the driver', () => {
  test.each([
    ['a deadlock, twice', ['ER_LOCK_DEADLOCK', 'ER_LOCK_DEADLOCK'], 3],
    ['a lock wait', ['ER_LOCK_WAIT_TIMEOUT'], 2],
    ['a locked file', ['SQLITE_BUSY', 'SQLITE_BUSY', 'SQLITE_BUSY'], 4],
    ['a lost connection, once', ['PROTOCOL_CONNECTION_LOST'], 2],
    ['a Galera node that left its cluster', ['ER_UNKNOWN_COM_ERROR'], 2],
    ['a lost connection and then a deadlock', ['ECONNRESET', 'ER_LOCK_DEADLOCK'], 3],
  ])('%s: it is repeated, and the user sees nothing', async (_name, codes, calls) => {
    expect(await failing(...codes)).toEqual({ result: calls, calls });
  });

  test.each([
    ['a connection that is lost twice', ['ECONNRESET', 'ECONNREFUSED'], 2],
    ['a full disk', ['SQLITE_FULL'], 1],
    ['a wrong password', ['ER_ACCESS_DENIED_ERROR'], 1],
    ['no free connection', ['POOL_BUSY'], 1],
  ])('%s: database_unavailable, with the cause for the log', async (_name, codes, calls) => {
    const outcome = await failing(...codes);
    expect(outcome).toMatchObject({
      calls,
      error: { code: 'database_unavailable', reason: `${codes.at(-1)}: from the driver` },
    });
  });

  test.each(['ER_BAD_FIELD_ERROR', 'ER_DUP_ENTRY', 'SQLITE_ERROR', 'SQLITE_CONSTRAINT_UNIQUE', ''])(
    'a mistake of ours (%s) stays what it is',
    async (code) => {
      let calls = 0;
      const mistake = Object.assign(new Error('x'), { code });
      const outcome = repeating(async () => {
        calls += 1;
        throw mistake;
      });
      await expect(outcome).rejects.toBe(mistake);
      expect(mistake).not.toBeInstanceOf(AppError);
      expect(calls).toBe(1);
    },
  );
});

describe.skipIf(!inject('mysqlUrl'))('a row that another connection holds', () => {
  test('its user waits or is told to come later; the others notice nothing, and the node is not left', async () => {
    const database = await freshMysql();
    const app = await startApp({ database });
    const { id } = (await app.login({ user: 'Ada' })).body.user;
    await app.login({ user: 'Bob' });
    const holder = await createConnection(database.url);
    await holder.query('BEGIN');
    await holder.query('SELECT * FROM wxuser WHERE id = ? FOR UPDATE', [id]);

    const held = app.login({ user: 'Ada' });
    for (let i = 0; i < 10; i++) expect((await app.login({ user: 'Bob' })).status).toBe(200);
    const { status, body } = await held;
    expect({ status, ...body }).toMatchObject({ status: 503, code: 'database_unavailable', retry: 'later' });
    expect(app.log.find((line) => line['id'] === body.requestId)?.['reason']).toMatch(
      /^ER_LOCK_WAIT_TIMEOUT/,
    );

    const waiting = app.login({ user: 'Ada' });
    await app.login({ user: 'Bob' });
    await holder.query('COMMIT');
    expect((await waiting).status).toBe(200);
    expect(app.log.filter((line) => line['msg'] === 'database node left')).toEqual([]);
    await holder.end();
    await app.close();
    await database.drop();
  });
});

test.skipIf(!inject('mysqlUrl'))('a long step of a migration says how long it has taken', async () => {
  const database = await freshMysql();
  const { db } = await openDatabase(`${database.url}?timeout=10000`);
  const { sql } = await import('kysely');
  let done = false;
  const run = async () => {
    await sql`SELECT SLEEP(2.5)`.execute(db);
    done = true;
  };
  const change = { plan: async () => (done ? [] : [{ what: 'sleep', run }]) };
  const said: string[] = [];
  await asMigration(change, { report: (what) => said.push(what), beside: db }).up(db);
  expect(said).toEqual(['sleep', expect.stringMatching(/^ {2}… 2 s/)]);
  await db.destroy();
  await database.drop();
});
