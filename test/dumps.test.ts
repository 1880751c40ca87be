import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { JWT_SECRET, realSettings, startApp, WX_SECRET } from './support/app.ts';
import { engines, redisThere } from './support/engines.ts';
import { hasMariaDb } from './support/mariadb.ts';
import { type Redis, startRedis } from './support/redis.ts';
import { json, startStandIn } from './support/wechat.ts';

const USERS = 100;

/** All that somebody gets who steals the database. */
function dumpDatabase(url: string): string {
  if (url.startsWith('sqlite:')) {
    const file = url.slice('sqlite:'.length);
    return readFileSync(file, 'latin1') + readFileSync(`${file}-wal`, 'latin1');
  }
  const { hostname, port, username, password, pathname } = new URL(url);
  const address = [`--host=${hostname}`, `--port=${port}`, `--user=${username}`];
  const env = { ...process.env, MYSQL_PWD: decodeURIComponent(password) };
  const options = ['--no-defaults', ...address, pathname.slice(1)];
  return execFileSync('mariadb-dump', options, { env, encoding: 'latin1' });
}

/** All that somebody gets who steals the disk of Redis. */
async function dumpRedis(redis: Redis): Promise<string> {
  await redis.cli('CONFIG', 'SET', 'rdbcompression', 'no');
  await redis.cli('SAVE');
  return readFileSync(join(redis.folder, 'dump.rdb'), 'latin1');
}

const dumpable = engines.filter(({ name }) => name === 'SQLite' || hasMariaDb());
const stores = dumpable.flatMap(({ name, fresh }) => [
  { name, fresh, beside: false },
  ...(redisThere ? [{ name: `${name} and Redis`, fresh, beside: true }] : []),
]);

test.each(stores)(
  'dumps of a busy system hold no session_key and no token in clear: $name',
  async ({ fresh, beside }) => {
    const database = await fresh();
    const redis = beside ? await startRedis() : undefined;
    onTestFinished(async () => redis?.stop());
    const sessionKeys = Array.from({ length: USERS }, (_, i) =>
      Buffer.from(`key ${i}`.padEnd(16, '.')).toString('base64'),
    );
    const wechat = await startStandIn();
    wechat.answer((res, req) => {
      const code = new URL(req.url ?? '', 'http://wechat').searchParams.get('js_code') ?? '';
      json({ session_key: sessionKeys[Number(code)], openid: `oUser${code}`.padEnd(28, '0') })(res, req);
    });
    const env = { ...realSettings(wechat.url), ...(redis && { REDIS_URL: redis.url }) };
    const app = await startApp({ database, env });
    const logins = sessionKeys.map((_, i) => app.call('POST', '/api/wxuser', { code: `${i}` }));
    const tokens = (await Promise.all(logins)).map(({ body }) =>
      (body.token as string).slice('Bearer '.length),
    );
    const called = tokens.map((token, i) =>
      app.call(i < 20 ? 'POST' : 'GET', `/api/wxuser/${i < 20 ? 'logout' : 'me'}`, undefined, { token }),
    );
    expect((await Promise.all(called)).filter(({ status }) => status !== 200)).toEqual([]);

    const dumps = [dumpDatabase(database.url), ...(redis ? [await dumpRedis(redis)] : [])];
    for (const each of dumps) expect(each).toContain(`oUser${USERS - 1}000`); // it can be read, and they are in there
    const dump = dumps.join('\n');
    const raw = sessionKeys.map((key) => Buffer.from(key, 'base64').toString('latin1'));
    const hex = sessionKeys.map((key) => Buffer.from(key, 'base64').toString('hex'));
    const parts = tokens.flatMap((token) => [token, ...token.split('.')]);
    const secrets = [...sessionKeys, ...raw, ...hex, ...parts, JWT_SECRET, WX_SECRET];
    expect(secrets.filter((secret) => dump.includes(secret))).toEqual([]);
    await app.close();
    await database.drop();
  },
);
