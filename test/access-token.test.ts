import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { createSeal } from '../src/auth/seal.ts';
import { loadConfig } from '../src/config.ts';
import { createLog } from '../src/log.ts';
import { createParts } from '../src/parts.ts';
import { createRedisToken } from '../src/redis/access-token.ts';
import { openRedis } from '../src/redis/open.ts';
import { openStores } from '../src/stores.ts';
import { createWeChat, type WeChatOptions } from '../src/wechat/client.ts';
import type { TokenMode } from '../src/wechat/token-request.ts';
import { APPID, JWT_SECRET, realSettings, WX_SECRET } from './support/app.ts';
import { freshSqlite, redisThere } from './support/engines.ts';
import { failureOf } from './support/failure.ts';
import { keepSecret } from './support/no-secrets.ts';
import { startProxy } from './support/proxy.ts';
import { type Redis, startRedis } from './support/redis.ts';
import { startRedisCluster } from './support/redis-cluster.ts';
import {
  errcode,
  held,
  json,
  newToken,
  type Reply,
  SESSION,
  type StandIn,
  startStandIn,
  token,
} from './support/wechat.ts';

const STABLE = '/cgi-bin/stable_token';
const PLAIN = '/cgi-bin/token';
const CHECK = '/wxa/checksession';
const TIMEOUT_MS = 5000;
const { openid, session_key: KEY } = SESSION;
const MINUTE = 60_000;
const range = (length: number) => Array.from({ length }, (_, index) => index);

let wechat: StandIn;
let closers: (() => unknown)[];
beforeEach(async () => {
  for (const secret of [WX_SECRET, JWT_SECRET]) keepSecret(secret);
  closers = [];
  wechat = await startStandIn();
  wechat.answerAt(STABLE, token());
  wechat.answerAt(PLAIN, token());
  wechat.answerAt(CHECK, json({ errcode: 0, errmsg: 'ok' }));
});
afterEach(async () => {
  for (const close of closers) await close();
});

function start(more: Partial<WeChatOptions> = {}) {
  const options = { appid: APPID, secret: WX_SECRET, apiBase: wechat.url, timeoutMs: TIMEOUT_MS };
  const client = createWeChat({ ...options, ...more });
  closers.unshift(client.close);
  return { ...client, check: () => client.checkSessionKey(openid, KEY) };
}

/** WeChat's manner with tokens: a call is good with the one that is valid now, and refused with any other. */
function takeOnly(valid: () => string, number = 40001): Reply {
  return (res, req) => {
    const given = new URL(req.url ?? '', 'http://wechat').searchParams.get('access_token');
    errcode(given === valid() ? 0 : number)(res, req);
  };
}

describe('one instance', () => {
  test('200 calls at once fetch one token, and the next ones none', async () => {
    const client = start();
    await Promise.all(range(200).map(client.check));
    await client.check();
    expect(wechat.count(STABLE)).toBe(1);
    expect(wechat.count(CHECK)).toBe(201);
  });

  test('a fetch that fails is told to all who wait, and the next call fetches again', async () => {
    wechat.answerAt(STABLE, errcode(40164), token());
    const client = start();
    const failures = await Promise.all(range(20).map(() => failureOf(client.check())));
    expect(new Set(failures.map(({ code }) => code))).toEqual(new Set(['wechat_misconfigured']));
    expect(wechat.count(STABLE)).toBe(1);
    expect(await client.check()).toBe(true);
  });

  test.each([40001, 40014, 42001])(
    '%i, to 50 calls at once: one new token, each call repeated once',
    async (number) => {
      const tokens = [newToken(), newToken()];
      let [valid = ''] = tokens;
      wechat.answerAt(STABLE, token(tokens[0]), token(tokens[1]));
      wechat.answerAt(
        CHECK,
        takeOnly(() => valid, number),
      );
      const client = start();
      await client.check();
      valid = tokens[1] ?? '';
      expect(await Promise.all(range(50).map(client.check))).toEqual(range(50).map(() => true));
      expect(wechat.count(STABLE)).toBe(2);
      expect(wechat.count(CHECK)).toBe(1 + 50 + 50);
    },
  );

  test('a call that is refused after the others have had the token replaced fetches none', async () => {
    const late = held(errcode(40001));
    wechat.answerAt(CHECK, late.reply, errcode(40001), errcode(0));
    const client = start();
    const first = client.check();
    await late.asked;
    expect(await client.check()).toBe(true); // refused too, and then well with a new token
    late.letGo();
    expect(await first).toBe(true);
    expect(wechat.count(STABLE)).toBe(2);
  });

  test('a new token that is refused too: the error, after one fetch and one repetition', async () => {
    wechat.answerAt(CHECK, errcode(40001));
    const error = await failureOf(start().check());
    expect(error.code).toBe('wechat_unavailable');
    expect([wechat.count(STABLE), wechat.count(CHECK)]).toEqual([2, 2]);
  });

  test('the same token again, which WeChat had refused by mistake: the call is repeated with it', async () => {
    wechat.answerAt(STABLE, token(newToken()));
    wechat.answerAt(CHECK, errcode(40001), errcode(0));
    expect(await start().check()).toBe(true);
    expect(wechat.requests.every(({ body }) => body?.force_refresh !== true)).toBe(true);
  });

  test('another errcode is no reason for a new token', async () => {
    wechat.answerAt(CHECK, errcode(41001));
    await failureOf(start().check());
    expect([wechat.count(STABLE), wechat.count(CHECK)]).toEqual([1, 1]);
  });

  test('the whole call has one limit, waiting for a token included', async () => {
    const forOthers = { read: async () => undefined, claim: async () => undefined };
    const error = await failureOf(start({ timeoutMs: 300, sharedToken: forOthers }).check());
    expect(error.reason).toBe('WeChat did not answer within 300 ms');
    expect(wechat.count(CHECK)).toBe(0);
  });

  test('a token that another instance shares between our look and our claim is taken', async () => {
    const shared = { value: newToken(), expiresAt: new Date(Date.now() + MINUTE) };
    const looks = [undefined, shared];
    const settled: unknown[] = [];
    const claim = async () => async (fetched: unknown) => void settled.push(fetched);
    const client = start({ sharedToken: { read: async () => looks.shift(), claim } });
    expect(await client.getAccessToken()).toBe(shared.value);
    expect(wechat.count(STABLE)).toBe(0);
    expect(settled).toEqual([undefined]);
  });

  test('after close no token is fetched any more', async () => {
    const client = start({ sharedToken: { read: async () => undefined, claim: async () => undefined } });
    const waiting = failureOf(client.check());
    client.close();
    expect((await waiting).reason).toBe('the server is closing');
    expect(wechat.asked).toEqual([]);
  });
});

describe('before its end', () => {
  let now: Date;
  const tokens = range(3).map(newToken) as [string, string, string];
  beforeEach(() => {
    now = new Date('2026-05-01T00:00:00Z');
  });
  const pass = (ms: number) => {
    now = new Date(now.getTime() + ms);
  };
  const startAt = (more: Partial<WeChatOptions> = {}) => start({ now: () => now, ...more });

  test('a token is renewed in the background, once, when it is used', async () => {
    const second = held(token(tokens[1]));
    wechat.answerAt(STABLE, token(tokens[0]), second.reply);
    const client = startAt();
    await client.getAccessToken();
    pass(115 * MINUTE);
    for (const _ of range(3)) await client.check();
    expect(wechat.count(STABLE)).toBe(1); // 5 minutes are left: WeChat may still give the old one
    pass(MINUTE);
    const answers = await Promise.all(range(20).map(client.getAccessToken));
    expect(new Set(answers)).toEqual(new Set([tokens[0]])); // nobody waits for the new one
    await second.asked;
    second.letGo();
    await expect.poll(client.getAccessToken).toBe(tokens[1]);
    expect(wechat.count(STABLE)).toBe(2);
  });

  test('a token that WeChat has not renewed yet is asked for again half a minute later, not with every call', async () => {
    wechat.answerAt(STABLE, token(tokens[0], 270), token(tokens[0], 240), token(tokens[1]));
    const client = startAt();
    await client.getAccessToken();
    pass(30_000);
    await client.getAccessToken();
    await expect.poll(() => wechat.count(STABLE)).toBe(2);
    for (const _ of range(20)) await client.check();
    expect(wechat.count(STABLE)).toBe(2);
    pass(30_000);
    await expect.poll(client.getAccessToken).toBe(tokens[1]);
  });

  test('if WeChat is away meanwhile, the old one serves to its end, and not beyond', async () => {
    const reasons: string[] = [];
    wechat.answerAt(STABLE, token(tokens[0]), errcode(-1));
    const client = startAt({ notRenewed: (reason) => void reasons.push(reason) });
    await client.getAccessToken();
    pass(120 * MINUTE - 1);
    expect(await client.getAccessToken()).toBe(tokens[0]);
    await expect.poll(() => reasons).toEqual([expect.stringMatching(/WeChat answered -1 .*busy/)]);
    expect(await client.getAccessToken()).toBe(tokens[0]);
    pass(1);
    expect((await failureOf(client.getAccessToken())).code).toBe('wechat_unavailable');
    wechat.answerAt(STABLE, token(tokens[2]));
    expect(await client.getAccessToken()).toBe(tokens[2]);
  });
});

test('plain mode fetches by cgi-bin/token, and never by stable_token', async () => {
  const client = start({ tokenMode: 'plain' });
  await Promise.all(range(20).map(client.check));
  expect([wechat.count(PLAIN), wechat.count(STABLE)]).toEqual([1, 0]);
  const asked = wechat.requests.find(({ path }) => path === PLAIN);
  expect(asked).toMatchObject({
    method: 'GET',
    query: { grant_type: 'client_credential', appid: APPID, secret: WX_SECRET },
  });
});

test.each([
  [40001, 'wechat_misconfigured', /mend WX_SECRET/],
  [40125, 'wechat_misconfigured', /mend WX_SECRET/],
  [40164, 'wechat_misconfigured', /IP whitelist/],
  [45009, 'wechat_rate_limited', /limit per day/],
])('plain mode: %i is %s', async (number, code, reason) => {
  wechat.answerAt(PLAIN, errcode(number));
  const error = await failureOf(start({ tokenMode: 'plain' }).check());
  expect(error).toMatchObject({ code, reason: expect.stringMatching(reason) });
  expect(wechat.count(PLAIN)).toBe(1);
});

describe.skipIf(!redisThere)('instances that share a Redis', () => {
  let redis: Redis;
  beforeEach(async () => {
    // Not every proxy has scripts.
    redis = await startRedis({ more: ['--rename-command', 'EVAL', '', '--rename-command', 'EVALSHA', ''] });
    return () => redis.stop();
  });

  interface Instance {
    readonly mode?: TokenMode;
    readonly url?: string;
    readonly secret?: string;
    readonly timeoutMs?: number;
    readonly now?: () => Date;
  }

  function open({
    mode = 'stable',
    url = redis.url,
    secret = JWT_SECRET,
    timeoutMs = TIMEOUT_MS,
    now = () => new Date(),
  }: Instance = {}) {
    const store = openRedis(url);
    closers.push(store.close);
    const seal = createSeal({ secret, previousSecrets: [] });
    const sharedToken = createRedisToken({ redis: store, seal, appid: APPID, mode, timeoutMs, now });
    return { store, sharedToken };
  }

  function instance(options: Instance = {}) {
    const { store, sharedToken } = open(options);
    const { mode: tokenMode = 'stable', timeoutMs = TIMEOUT_MS, now = () => new Date() } = options;
    return { store, ...start({ sharedToken, tokenMode, timeoutMs, now }) };
  }

  const keyOf = (mode: TokenMode = 'stable') => `weapp-login:{${APPID}}:access-token:${mode}`;
  const claimed = async () => (await redis.cli('EXISTS', `${keyOf()}:claim`)) === '1';

  test.each(['stable', 'plain'] as const)(
    '%s: 200 calls at once on two of them: one token is fetched, and a third finds it',
    async (mode) => {
      const two = [instance({ mode }), instance({ mode })];
      await Promise.all(two.flatMap(({ check }) => range(100).map(check)));
      const values = await Promise.all([...two, instance({ mode })].map((one) => one.getAccessToken()));
      expect(new Set(values).size).toBe(1);
      expect([wechat.count(STABLE), wechat.count(PLAIN)]).toEqual(mode === 'stable' ? [1, 0] : [0, 1]);
      expect(wechat.count(CHECK)).toBe(200);
    },
  );

  test('40001 to many calls on both: one new token', async () => {
    const [one, other] = [instance(), instance()];
    let valid = '';
    wechat.answerAt(STABLE, (res, req) => {
      valid = newToken();
      token(valid)(res, req);
    });
    wechat.answerAt(
      CHECK,
      takeOnly(() => valid),
    );
    await Promise.all([one.check(), other.check()]);
    valid = 'ended by somebody else';
    const calls = [one, other].flatMap(({ check }) => range(50).map(check));
    expect(await Promise.all(calls)).toEqual(range(100).map(() => true));
    expect(wechat.count(STABLE)).toBe(2);
  });

  test('a token that another instance has replaced already is taken from there', async () => {
    const tokens = range(2).map(newToken);
    wechat.answerAt(STABLE, token(tokens[0]), token(tokens[1]));
    const [one, other] = [instance(), instance()];
    await Promise.all([one.check(), other.check()]);
    wechat.answerAt(
      CHECK,
      takeOnly(() => tokens[1] ?? ''),
    );
    expect(await one.check()).toBe(true);
    expect(await other.check()).toBe(true);
    expect(wechat.count(STABLE)).toBe(2);
  });

  test('near its end one of them renews it, and the other takes the new one', async () => {
    const tokens = range(2).map(newToken);
    let time = new Date();
    const now = () => time;
    wechat.answerAt(STABLE, token(tokens[0]), token(tokens[1]));
    const [one, other] = [instance({ now }), instance({ now })];
    await Promise.all([one.check(), other.check()]);
    time = new Date(time.getTime() + 116 * MINUTE);
    for (const client of [one, other]) await expect.poll(client.getAccessToken).toBe(tokens[1]);
    expect(wechat.count(STABLE)).toBe(2);
  });

  test('an instance that dies while it fetches is replaced when its claim ends', async () => {
    const never = held(token());
    const value = newToken();
    wechat.answerAt(STABLE, never.reply, token(value));
    const dying = instance({ timeoutMs: 1000 });
    const lost = failureOf(dying.check());
    await never.asked;
    await dying.store.close(); // from here on it can give nothing back
    await lost;
    expect(await claimed()).toBe(true);
    expect(await instance().getAccessToken()).toBe(value);
    expect(wechat.count(STABLE)).toBe(2);
    expect(await claimed()).toBe(false);
  });

  test('while one fetches, the other waits, however slow WeChat is', async () => {
    const slow = held(token());
    wechat.answerAt(STABLE, slow.reply);
    const one = instance();
    const first = one.getAccessToken();
    await slow.asked;
    const reads = open();
    expect(await reads.sharedToken.claim()).toBeUndefined();
    const second = instance().getAccessToken();
    slow.letGo();
    expect(await second).toBe(await first);
    expect(wechat.count(STABLE)).toBe(1);
  });

  test('a fetch that fails gives the claim back, and shares nothing', async () => {
    wechat.answerAt(STABLE, errcode(40125), token());
    expect((await failureOf(instance().check())).code).toBe('wechat_misconfigured');
    expect(await redis.cli('KEYS', '*')).toBe('');
    expect(await instance().check()).toBe(true);
  });

  test('what comes later than its claim replaces no newer token, and ends no newer claim', async () => {
    const { sharedToken } = open();
    const expiresAt = new Date(Date.now() + 120 * MINUTE);
    const late = await sharedToken.claim();
    await redis.cli('DEL', `${keyOf()}:claim`); // its time is over
    const next = await sharedToken.claim();
    await late?.({ value: newToken(), expiresAt });
    expect(await sharedToken.read()).toBeUndefined();
    expect(await claimed()).toBe(true);
    const newer = { value: newToken(), expiresAt };
    await next?.(newer);
    expect(await sharedToken.read()).toEqual(newer);
    expect(await claimed()).toBe(false);
  });

  test('Redis holds no token in clear, and none beyond its end', async () => {
    const value = newToken();
    wechat.answerAt(STABLE, token(value, 600));
    await instance().check();
    const [key, ...others] = (await redis.cli('KEYS', '*')).split('\n');
    expect([key, others]).toEqual([keyOf(), []]);
    const text = await redis.cli('GET', keyOf());
    expect(text).not.toContain(value.slice(3, 20));
    expect(Buffer.from(text, 'base64url').toString('latin1')).not.toContain(value.slice(3, 20));
    const left = Number(await redis.cli('PTTL', keyOf()));
    expect(left).toBeGreaterThan(0);
    expect(left).toBeLessThanOrEqual(600_000);
  });

  test.each(['after JWT_SECRET was changed', 'that is none of ours'])(
    'a text %s is no token',
    async (name) => {
      await instance().check();
      if (name.includes('none')) await redis.cli('SET', keyOf(), 'nonsense');
      expect(await instance({ secret: 'another-secret-of-this-server-0123456789' }).check()).toBe(true);
      expect(wechat.count(STABLE)).toBe(2);
    },
  );

  test('each app and each mode has a token of its own', async () => {
    await Promise.all([instance().check(), instance({ mode: 'plain' }).check()]);
    expect((await redis.cli('KEYS', '*')).split('\n').toSorted()).toEqual([keyOf('plain'), keyOf()]);
  });

  test('while Redis is away each fetches a stable token by itself, and none a plain one', async () => {
    await redis.kill();
    const stable = [instance(), instance()];
    for (const { check } of stable) expect(await check()).toBe(true);
    expect(wechat.count(STABLE)).toBe(2);
    const error = await failureOf(instance({ mode: 'plain' }).check());
    expect(error).toMatchObject({ code: 'database_unavailable', reason: expect.stringMatching(/^Redis at/) });
    expect(wechat.count(PLAIN)).toBe(0);
  });

  test('a Redis that goes away later, or swallows what it is sent, stops nobody', async () => {
    const proxy = await startProxy(redis.port);
    onTestFinished(proxy.cut);
    const client = instance({ url: `redis://127.0.0.1:${proxy.port}?timeout=300` });
    expect(await client.check()).toBe(true);
    proxy.swallow();
    wechat.answerAt(CHECK, errcode(42001), errcode(0));
    expect(await client.check()).toBe(true);
    expect(wechat.count(STABLE)).toBe(2);
  });

  test('on a Cluster too: the claim and the token are on one node', async () => {
    const cluster = await startRedisCluster();
    onTestFinished(cluster.stop);
    await cluster.settles();
    const two = [instance({ url: cluster.url }), instance({ url: cluster.url })];
    await Promise.all(two.flatMap(({ check }) => range(20).map(check)));
    expect(wechat.count(STABLE)).toBe(1);
    expect(await open({ url: cluster.url }).sharedToken.read()).toBeDefined();
  });

  test.each([{}, { WX_TOKEN_MODE: 'plain' }])('the settings reach it: %j', async (mode) => {
    const database = await freshSqlite();
    const env = { ...realSettings(wechat.url), DATABASE_URL: database.url, REDIS_URL: redis.url, ...mode };
    const config = loadConfig(env);
    const log = createLog('silent');
    const stores = await openStores(config, log);
    closers.push(stores.close, database.drop);
    const [{ wechat: client }] = createParts(config, { log, stores, sandboxBase: '' }).apps;
    closers.unshift(client.close);
    await client.getAccessToken();
    const plain = 'WX_TOKEN_MODE' in mode;
    expect([wechat.count(STABLE), wechat.count(PLAIN)]).toEqual(plain ? [0, 1] : [1, 0]);
    expect(await redis.cli('KEYS', '*')).toBe(keyOf(plain ? 'plain' : 'stable'));
  });
});
