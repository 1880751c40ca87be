import { sql } from 'kysely';
import { describe, expect, test } from 'vitest';
import { startApp } from './support/app.ts';
import { engines } from './support/engines.ts';
import { run } from './support/process.ts';

const SECRET = { JWT_SECRET: 'eMsft9ydoEYJ07v0LfjLfg2ArfXsSaZi6dx3Syho', SESSION_CACHE_SECONDS: '0' };

describe.each(engines)('administration from the command line, on $name', ({ fresh }) => {
  async function start() {
    const database = await fresh();
    const app = await startApp({ database, env: SECRET });
    const { body } = await app.login({ user: 'Ada_50%' });
    await app.login({ user: 'Bob' });
    const command = async (...args: string[]) => {
      const process = run(args, { ...SECRET, DATABASE_URL: database.url }, undefined, { private: true });
      return { code: await process.ended, output: process.words() };
    };
    const me = () => app.call('GET', '/api/wxuser/me', undefined, { Authorization: body.token });
    const finish = () => app.close().then(database.drop);
    return { app, command, me, id: String(body.user.id), finish };
  }

  test('users are found by id, openid and a part of the name, taken as it is written', async () => {
    const { app, command, id, finish } = await start();
    const [ada] = await app.rows();
    for (const text of [id, ada?.user_id ?? '', 'Ada', '_50%']) {
      const { code, output } = await command('users', text);
      expect({ code, output }).toMatchObject({
        code: 0,
        output: expect.stringContaining(`${id}  Ada_50%  active, 1 sessions`),
      });
      expect(output).not.toContain('Bob');
    }
    expect((await command('users', 'B_b')).output).toBe('no such user\n');
    await finish();
  });

  test('a user is found by phone, and by id also where fifty others have that number in their names', {
    timeout: 60_000,
  }, async () => {
    const { app, command, id, finish } = await start();
    await app.sql(sql`UPDATE wxuser SET phone = '13800138000' WHERE id = ${Number(id)}`);
    expect((await command('users', '13800138000')).output).toMatch(
      /^\d+ {2}Ada_50%.*\n.*phone 13800138000\n$/,
    );
    for (let i = 0; i < 50; i++) await app.login({ user: `No ${id}-${i}` });
    expect((await command('users', id)).output).toMatch(new RegExp(`^${id} {2}Ada_50%`));
    await finish();
  });

  test('ban, unban and end-sessions are effective at once', async () => {
    const { app, command, me, id, finish } = await start();
    expect((await command('ban', id)).output).toBe(`user ${id} is banned\n`);
    expect((await me()).body).toMatchObject({ status: 403, code: 'user_banned' });
    expect((await app.login({ user: 'Ada_50%' })).body).toMatchObject({ status: 403, code: 'user_banned' });
    expect((await command('ban', id)).code).toBe(0); // once more: nothing changes
    expect((await me()).body).toMatchObject({ status: 403, code: 'user_banned' });
    expect((await command('unban', id)).code).toBe(0);
    expect((await me()).body).toMatchObject({ status: 401, code: 'session_ended' });
    const { body } = await app.login({ user: 'Ada_50%' });
    const again = () => app.call('GET', '/api/wxuser/me', undefined, { Authorization: body.token });
    expect((await command('unban', id)).code).toBe(0); // who is not banned stays logged in
    expect((await again()).status).toBe(200);
    expect((await command('end-sessions', id)).output).toBe(`ended 1 sessions of user ${id}\n`);
    expect((await again()).body).toMatchObject({ status: 401, code: 'session_ended' });
    await finish();
  });

  test('a user who is not there, and a wrong call, are said in a sentence', async () => {
    const { command, finish } = await start();
    expect(await command('ban', '999')).toEqual({ code: 1, output: 'there is no user 999\n' });
    expect(await command('end-sessions', '999')).toEqual({ code: 1, output: 'there is no user 999\n' });
    for (const args of [['ban'], ['ban', 'Ada'], ['users'], ['end-sessions', '1', '2']]) {
      const { code, output } = await command(...args);
      expect({ code, output }).toMatchObject({
        code: 1,
        output: expect.stringMatching(/^usage: weapp-login/),
      });
    }
    await finish();
  });
});
