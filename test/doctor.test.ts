import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { sql } from 'kysely';
import { describe, expect, inject, onTestFinished, test } from 'vitest';
import { openDatabase } from '../src/db/open.ts';
import { JWT_SECRET, WX_SECRET as REAL_SECRET, startApp } from './support/app.ts';
import { freshMysql, mysqlUrl, redisThere } from './support/engines.ts';
import { keepSecret } from './support/no-secrets.ts';
import { run } from './support/process.ts';
import { startRedis } from './support/redis.ts';
import { openSandbox } from './support/sandbox.ts';

async function doctor(env: Record<string, string> = {}) {
  const folder = mkdtempSync(join(inject('folder'), 'doctor-'));
  // The server was started there.
  await (await openDatabase(`sqlite:${folder}/data/weapp-login.db`)).db.destroy();
  const process = run(['doctor'], env, folder);
  return { code: await process.ended, output: process.output() };
}

/** Real settings, whose WeChat is a sandbox with the clock of this machine. */
async function realSettings() {
  // Not the sandbox's own secret, which looks like its AppID.
  const wechat = await openSandbox({ now: () => new Date(), secret: REAL_SECRET });
  const { appid: WX_APPID, secret: WX_SECRET, url: WX_API_BASE } = wechat;
  return { wechat, env: { WX_APPID, WX_SECRET, WX_API_BASE, JWT_SECRET } };
}

describe('weapp-login doctor', () => {
  test('finds nothing to mend where nothing is set', async () => {
    const { code, output } = await doctor();
    expect(code).toBe(0);
    expect(output).toMatch(/^ok +settings: the sandbox/);
    expect(output).toMatch(/^ok +database: answers \(sqlite\)$/m);
    expect(output).not.toMatch(/problem/);
  });

  test('finds a real app well', async () => {
    const { env } = await realSettings();
    const { code, output } = await doctor(env);
    expect(output).toMatch(
      /^ok +WeChat wx5a0db0c55a0db0c5: knows the AppID, the AppSecret and our address$/m,
    );
    expect(output).toMatch(/^ok +WeChat wx5a0db0c55a0db0c5: its clock and ours agree$/m);
    expect(code).toBe(0);
  });

  test('every wrong setting at once, a weak secret too', async () => {
    const { code, output } = await doctor({ WX_SECRET: 'abc', JWT_SECRET: 'advance8', PORT: 'x' });
    expect(code).toBe(1);
    expect(output.match(/^problem +settings: /gm)).toHaveLength(4);
    expect(output).toMatch(/JWT_SECRET is a published example/);
  });

  test.each<[number, RegExp]>([
    [40013, /→ mend WX_APPID/],
    [40125, /→ mend WX_SECRET/],
    [40164, /→ add this server's address to the IP whitelist/],
    [40243, /→ the AppSecret is frozen: unfreeze it/],
  ])('what WeChat refuses, and what to do: %i', async (errcode, todo) => {
    const { wechat, env } = await realSettings();
    wechat.fail('stable_token', { errcode });
    const { code, output } = await doctor(env);
    expect(code).toBe(1);
    expect(output).toMatch(new RegExp(`^problem +WeChat wx5a0db0c55a0db0c5: answered ${errcode} `, 'm'));
    expect(output).toMatch(todo);
  });

  test('servers that cannot be reached', async () => {
    const env = {
      ...(await realSettings()).env,
      DATABASE_URL: 'mysql://u:pass-77@127.0.0.1:1/d',
      REDIS_URL: 'redis://:pass-77@127.0.0.1:1',
      WX_API_BASE: 'http://127.0.0.1:1',
    };
    const { code, output } = await doctor(env);
    expect(code).toBe(1);
    expect(output).toMatch(/^problem +database: .*ECONNREFUSED.*\n +→ correct DATABASE_URL/m);
    expect(output).toMatch(/^problem +Redis: .*ECONNREFUSED.*\n +→ correct REDIS_URL/m);
    expect(output).toMatch(/^problem +WeChat .*\n +→ let this machine reach/m);
    expect(output).not.toContain('pass-77');
  });

  test('what is risky or left over', async () => {
    const { env } = await realSettings();
    const { code, output } = await doctor({
      ...env,
      WX_TRUST_CLOUD_HEADERS: 'true',
      JWT_PREVIOUS_SECRETS: 'pDj8OjrPthLMcczannkIIr1f47HpZnAbKCYrWHXg',
      SESSION_CACHE_SECONDS: '3600',
    });
    expect(code).toBe(0);
    expect(output).toMatch(/^warning +settings: WX_TRUST_CLOUD_HEADERS/m);
    expect(output).toMatch(/^warning +settings: 1 former secrets or keys .*\n +→ .* 7 days after/m);
    expect(output).toMatch(/^warning +settings: without Redis other instances learn .* 3600 s/m);
  });

  test('Cloud Run’s headers, under resource sharing too', async () => {
    const { env } = await realSettings();
    const { output } = await doctor({ ...env, WX_TRUST_CLOUD_FROM_HEADERS: 'true' });
    expect(output).toMatch(
      /^warning +settings: WX_TRUST_CLOUD_FROM_HEADERS: .*past the gateway.*\n +→ close public access/m,
    );
  });

  test('the callback, asked at its public address as WeChat asks', async () => {
    const { env } = await realSettings();
    const callback = {
      WX_CALLBACK_TOKEN: 'QK6HHCOTEdD9BEWDc33XG3Wm',
      WX_CALLBACK_AES_KEY: '43MVdIbVEiXhfJdHycN3RD9rfEFwaCaZakM6qxdV4II',
    };
    keepSecret(callback.WX_CALLBACK_TOKEN);
    const app = await startApp({ env: { ...env, ...callback } });
    const well = await doctor({ ...env, ...callback, PUBLIC_URL: app.url });
    expect(well.output).toMatch(/^ok +callback: answers at its public address, and knows the Token$/m);
    expect(well.code).toBe(0);
    const other = { ...callback, WX_CALLBACK_TOKEN: 'b4NeeG7CJOz2E0xNjg9LsJji' };
    const wrong = await doctor({ ...env, ...other, PUBLIC_URL: app.url });
    expect(wrong.output).toMatch(/^problem +callback: .* answered 403.*\n +→ .*WX_CALLBACK_TOKEN/m);
    expect(wrong.code).toBe(1);
    await app.close();
    const away = await doctor({ ...env, ...callback, PUBLIC_URL: app.url });
    expect(away.output).toMatch(
      /^problem +callback: .* could not be reached \(ECONNREFUSED\)\n +→ start the server/m,
    );

    const { output } = await doctor(env);
    expect(output).toMatch(/^warning +callback: not set: .*\n +→ set it up: docs\/callback.md/m);
    expect(output).toMatch(/^warning +avatars: uploads are refused: .*\n +→ set PUBLIC_URL/m);
  });

  test('whose reader leaves ends quietly', async () => {
    const process = run(['doctor']);
    process.child.stdout?.destroy();
    expect(await process.ended).toBe(1); // there is no database
    expect(process.errors()).toBe('');
  });

  test('the store of pictures', async () => {
    expect((await doctor()).output).toMatch(/^ok +avatars: their store takes, gives and removes pictures$/m);
    const { code, output } = await doctor({ AVATAR_STORE: `file:${process.execPath}/avatars` });
    expect(code).toBe(1);
    expect(output).toMatch(/^problem +avatars: .*\n +→ correct AVATAR_STORE/m);
  });

  test.skipIf(!mysqlUrl)('tables that somebody changed, and those that are not made yet', async () => {
    const database = await freshMysql();
    onTestFinished(database.drop);
    const before = await doctor({ DATABASE_URL: database.url });
    expect(before.output).toMatch(
      /^warning +database: its tables are not up to date: create the table wxuser/m,
    );
    const { db } = await openDatabase(database.url);
    const well = await doctor({ DATABASE_URL: database.url });
    expect(well.output).toMatch(/^ok +database: wxuser takes emoji, and tells openids apart by case$/m);
    expect(well.output).toMatch(/^ok +database: its clock and ours agree$/m);
    await sql`ALTER TABLE wxuser MODIFY nickName VARCHAR(64) CHARACTER SET latin1`.execute(db);
    await sql`ALTER TABLE wxuser MODIFY user_id VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci NOT NULL`.execute(
      db,
    );
    await db.destroy();
    const { code, output } = await doctor({ DATABASE_URL: database.url });
    expect(code).toBe(1);
    expect(output).toMatch(/^problem +database: wxuser.nickname is in latin1.*\n +→ ALTER TABLE/m);
    expect(output).toMatch(
      /^problem +database: wxuser.user_id is not compared byte by byte.*\n +→ ALTER TABLE/m,
    );
  });

  test.skipIf(!redisThere)('a Redis whose instances do not hear each other', async () => {
    const redis = await startRedis();
    onTestFinished(redis.stop);
    const well = await doctor({ REDIS_URL: redis.url });
    expect(well.output).toMatch(/^ok +Redis: takes sessions, and instances hear each other$/m);
    await redis.cli('ACL', 'SETUSER', 'default', '-subscribe');
    const { code, output } = await doctor({ REDIS_URL: redis.url });
    expect(code).toBe(1);
    expect(output).toMatch(/^problem +Redis: instances do not hear each other/m);
  });
});
