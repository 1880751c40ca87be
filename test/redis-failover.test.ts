import { setImmediate } from 'node:timers/promises';
import { describe, expect, inject, onTestFinished, test } from 'vitest';
import { openRedis } from '../src/redis/open.ts';
import { realSettings, startApp, type TestApp } from './support/app.ts';
import { hasOpenssl, makeCertificates } from './support/certificates.ts';
import { freshMysql, freshSqlite, mysqlUrl, redisThere } from './support/engines.ts';
import { runServer } from './support/process.ts';
import { startProxy } from './support/proxy.ts';
import { type Redis, startRedis } from './support/redis.ts';
import { startRedisCluster } from './support/redis-cluster.ts';
import { startSentinel } from './support/redis-sentinel.ts';
import { type SessionLoad, spread, startSessionLoad } from './support/session-load.ts';
import { json, SESSION, startStandIn } from './support/wechat.ts';

/** Two processes on one database, whose users are who their code says, and a load on both. */
async function startLoad(redisUrl: string): Promise<SessionLoad> {
  const database = await freshMysql();
  const wechat = await startStandIn();
  wechat.answer((res, req) => {
    const code = new URL(req.url ?? '', 'http://wechat').searchParams.get('js_code');
    json({ ...SESSION, openid: `o${code}`.slice(0, 28) })(res, req);
  });
  const env = {
    ...realSettings(wechat.url),
    HOST: '127.0.0.1',
    DATABASE_URL: database.url,
    REDIS_URL: redisUrl,
    LOGIN_RATE_LIMIT: '1000000',
    SESSION_CACHE_SECONDS: '3600', // nothing is forgotten by itself
  };
  const [one, other] = [await runServer(env), await runServer(env)];
  return startSessionLoad([one.url, other.url], 6);
}

const moreLogouts = (load: SessionLoad, count: number) => {
  const wanted = load.logouts + count;
  return expect.poll(() => load.logouts, { timeout: 40_000, interval: 20 }).toBeGreaterThan(wanted);
};
const moreRefusals = (load: SessionLoad, count: number) => {
  const wanted = load.refused + count;
  return expect.poll(() => load.refused, { timeout: 40_000, interval: 20 }).toBeGreaterThan(wanted);
};

async function finish(name: string, load: SessionLoad): Promise<void> {
  const { lags, ...figures } = await load.stop();
  process.stdout.write(`${name}: ${JSON.stringify({ ...figures, otherServerRefusesAfter: spread(lags) })}\n`);
  expect(load.wrong).toEqual([]);
  expect(figures.endedTokensRefused).toBeGreaterThan(figures.logouts);
}

describe.skipIf(!redisThere || !mysqlUrl)('under a load of logins and logouts on two servers', () => {
  test('Redis is killed and comes back with an old state: no ended session is accepted, it recovers by itself', {
    timeout: 90_000,
  }, async () => {
    const redis = await startRedis();
    onTestFinished(redis.stop);
    const load = await startLoad(redis.url);
    await moreLogouts(load, 100);
    await redis.cli('SAVE');
    await moreLogouts(load, 50);
    await redis.kill();
    await moreRefusals(load, 50);
    await redis.start();
    await moreLogouts(load, 100);
    await finish('a killed Redis', load);
  });

  test('a Cluster of three nodes, one of them killed, and back', { timeout: 120_000 }, async () => {
    const cluster = await startRedisCluster();
    onTestFinished(cluster.stop);
    const load = await startLoad(cluster.url);
    await moreLogouts(load, 100);
    const [, node] = cluster.nodes as [Redis, Redis, Redis];
    await node.cli('SAVE');
    await moreLogouts(load, 50);
    await node.kill();
    await moreRefusals(load, 50);
    await node.start();
    await moreLogouts(load, 100);
    await finish('a Cluster of three, one killed and back', load);
  });

  test('a Cluster with replicas, a master killed: its replica takes over', { timeout: 120_000 }, async () => {
    const cluster = await startRedisCluster({ replicas: 1 });
    onTestFinished(cluster.stop);
    const load = await startLoad(cluster.url);
    await moreLogouts(load, 100);
    await (await cluster.keyOwner('weapp-login:{1}:sessions')).kill();
    await moreRefusals(load, 10);
    await moreLogouts(load, 150);
    await finish('a Cluster with replicas, a master killed', load);
  });

  test('Sentinels, the master killed: its replica takes over', { timeout: 120_000 }, async () => {
    const sentinel = await startSentinel();
    onTestFinished(sentinel.stop);
    const load = await startLoad(sentinel.url);
    await moreLogouts(load, 100);
    await (await sentinel.master()).kill();
    await moreRefusals(load, 10);
    await moreLogouts(load, 100);
    await finish('Sentinels, the master killed', load);
  });
});

test.skipIf(!redisThere)(
  'a Cluster with a dead node: who logs out on a live one is refused by the other instance too',
  { timeout: 60_000 },
  async () => {
    const cluster = await startRedisCluster();
    onTestFinished(cluster.stop);
    for (const node of cluster.nodes) await node.cli('CONFIG', 'SET', 'cluster-require-full-coverage', 'no');
    const database = await freshSqlite();
    const settings = { REDIS_URL: cluster.url, SESSION_CACHE_SECONDS: '3600' };
    const [one, other] = [
      await startApp({ database, env: settings }),
      await startApp({ database, env: settings }),
    ];
    const [, dead] = cluster.nodes as [Redis, Redis, Redis];
    const me = (app: TestApp, token: string) => app.call('GET', '/api/wxuser/me', undefined, { token });
    const tokens: string[] = [];
    for (let i = 0; i < 20; i++) {
      const { token, user } = (await one.login({ user: `user ${i}` })).body;
      for (const app of [one, other]) expect((await me(app, token)).status).toBe(200);
      if ((await cluster.keyOwner(`weapp-login:{${user.id}}:sessions`)) !== dead) tokens.push(token);
    }
    await dead.kill();
    for (const token of tokens) {
      expect((await one.call('POST', '/api/wxuser/logout', undefined, { token })).status).toBe(200);
      await expect.poll(async () => (await me(other, token)).status, { interval: 5 }).toBe(401);
    }
  },
);

test.skipIf(!redisThere)(
  'a Sentinel that swallows what it is sent does not keep the server from its start',
  {
    timeout: 60_000,
  },
  async () => {
    const sentinel = await startSentinel();
    onTestFinished(sentinel.stop);
    const proxy = await startProxy(sentinel.sentinels[0]?.port ?? 0);
    onTestFinished(proxy.cut);
    proxy.swallow();
    const url = sentinel.url.replace(/127[\d.:]+/, `127.0.0.1:${proxy.port}`);
    const app = await startApp({ env: { REDIS_URL: url }, database: await freshSqlite() });
    expect((await app.login({ user: 'Ada' })).status).toBe(200);
  },
);

test.skipIf(!redisThere)(
  'hosts of a Cluster that swallow what they are sent do not keep the server from its start',
  { timeout: 60_000 },
  async () => {
    const cluster = await startRedisCluster();
    onTestFinished(cluster.stop);
    const proxy = await startProxy(cluster.nodes[0]?.port ?? 0);
    onTestFinished(proxy.cut);
    proxy.swallow();
    const hole = `127.0.0.1:${proxy.port}`;
    const url = cluster.url.replace('//', `//${hole},${hole},${hole},`); // where it begins is left to chance
    for (let i = 0; i < 5; i++) {
      const app = await startApp({ env: { REDIS_URL: url }, database: await freshSqlite() });
      expect((await app.login({ user: 'Ada' })).status).toBe(200);
      await app.close();
    }
  },
);

test.skipIf(!redisThere)(
  'closing in the middle of connecting leaves no connection, on a Cluster too',
  { timeout: 60_000 },
  async () => {
    const cluster = await startRedisCluster();
    onTestFinished(cluster.stop);
    const [first] = cluster.nodes as [Redis];
    for (const url of [cluster.url, first.url]) {
      for (let turns = 0; turns < 60; turns += 2) {
        const redis = openRedis(url);
        for (let i = 0; i < turns; i++) await setImmediate();
        await redis.close();
      }
    }
    for (const node of cluster.nodes) {
      const clients = async () => (await node.cli('CLIENT', 'LIST')).match(/^id=.* cmd=(?!cluster)/gm) ?? [];
      await expect.poll(async () => (await clients()).length, { timeout: 10_000 }).toBe(1); // who asks
    }
  },
);

test.skipIf(!redisThere || !hasOpenssl())('rediss checks the certificate', async () => {
  const tls = makeCertificates(inject('folder'));
  const redis = await startRedis({ tls });
  onTestFinished(redis.stop);
  const start = async (url: string) => startApp({ env: { REDIS_URL: url }, database: await freshSqlite() });
  const app = await start(`${redis.url}?ssl-ca=${tls.ca}`);
  expect((await app.login({ user: 'Ada' })).status).toBe(200);
  expect(await redis.cli('DBSIZE')).toBe('2');
  await expect(start(redis.url)).rejects.toMatchObject({
    code: 'database_unavailable',
    reason: expect.stringMatching(/^Redis at [\d.:]+: .*certificate/),
  });

  const foreign = await startRedis({ tls: makeCertificates(inject('folder'), 'DNS:elsewhere.test') });
  onTestFinished(foreign.stop);
  await expect(start(`${foreign.url}?ssl-ca=${tls.ca}`)).rejects.toMatchObject({
    code: 'database_unavailable',
  });
});

test.skipIf(!redisThere || !hasOpenssl())(
  'a Cluster with TLS, a user and a password',
  { timeout: 60_000 },
  async () => {
    const tls = makeCertificates(inject('folder'));
    const cluster = await startRedisCluster({ tls });
    onTestFinished(cluster.stop);
    for (const node of cluster.nodes) {
      await node.cli(
        'ACL',
        'SETUSER',
        'weapp',
        'on',
        '>p@ss:w/rd',
        '~weapp-login:*',
        '&weapp-login:*',
        '+@all',
      );
      await node.cli('CONFIG', 'SET', 'requirepass', 'of-somebody-else');
    }
    const start = async (login: string) => {
      const url = `${cluster.url.replace('//', `//${login}`)}?ssl-ca=${tls.ca}`;
      return startApp({ env: { REDIS_URL: url }, database: await freshSqlite() });
    };
    await worksFor(await start('weapp:p%40ss%3Aw%2Frd@'));
    await expect(start('weapp:wrong@')).rejects.toMatchObject({ code: 'database_unavailable' });
    await expect(start('')).rejects.toMatchObject({ code: 'database_unavailable' });
  },
);

test.skipIf(!redisThere)(
  'Sentinels with a password of their own, a master with a user and a password',
  { timeout: 60_000 },
  async () => {
    const sentinel = await startSentinel();
    onTestFinished(sentinel.stop);
    const master = await sentinel.master();
    await master.cli(
      'ACL',
      'SETUSER',
      'weapp',
      'on',
      '>of-the-master',
      '~weapp-login:*',
      '&weapp-login:*',
      '+@all',
    );
    for (const one of sentinel.sentinels)
      await one.cli('ACL', 'SETUSER', 'default', 'resetpass', '>of-the-sentinels');
    const start = async (login: string, options: string) => {
      const url = `${sentinel.url.replace('//', `//${login}`)}${options}`;
      return startApp({ env: { REDIS_URL: url }, database: await freshSqlite() });
    };
    await worksFor(await start('weapp:of-the-master@', '?sentinel-password=of-the-sentinels'));
    await expect(start('weapp:of-the-master@', '')).rejects.toMatchObject({
      reason: expect.stringMatching(/no Sentinel names a master .*NOAUTH/),
    });
    await expect(start('weapp:wrong@', '?sentinel-password=of-the-sentinels')).rejects.toMatchObject({
      reason: expect.stringMatching(/WRONGPASS/),
    });
  },
);

/** Logging in, being let in, logging out. */
async function worksFor(app: TestApp): Promise<void> {
  const headers = { Authorization: (await app.login({ user: 'Ada' })).body.token as string };
  expect((await app.call('GET', '/api/wxuser/me', undefined, headers)).status).toBe(200);
  expect((await app.call('POST', '/api/wxuser/logout', undefined, headers)).status).toBe(200);
  expect((await app.call('GET', '/api/wxuser/me', undefined, headers)).status).toBe(401);
}
