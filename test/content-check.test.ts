import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { sql } from 'kysely';
import { describe, expect, inject, onTestFinished, test } from 'vitest';
import { openDatabase } from '../src/db/open.ts';
import { createPictureChecks } from '../src/db/picture-checks.ts';
import * as weapp from '../src/index.ts';
import { JWT_SECRET, startApp, type TestApp } from './support/app.ts';
import { engines, freshSqlite } from './support/engines.ts';
import { jpeg } from './support/pictures.ts';
import { AES_KEY, CALLBACK_TOKEN, push, SAFE } from './support/push.ts';
import { MINUTE, openSandbox } from './support/sandbox.ts';
import { until } from './support/until.ts';
import { filesIn, upload } from './support/uploads.ts';

const ON = { WX_CONTENT_CHECK: 'true' };
const FINE = 'https://example.com/fine.png';
const RISKY = 'https://example.com/test-risky-20002.png';
const REVIEW = 'https://example.com/test-review-10001.png';

/** How long the sandbox looks at a picture, and what the tests have an answer delayed by. */
const [LOOK_MS, ANSWER_MS] = [1000, 777];
const never = new Promise<void>(() => undefined);

interface How {
  readonly env?: Record<string, string>;
  readonly database?: Awaited<ReturnType<typeof freshSqlite>>;
  /** What the address of an uploaded picture has in it: the sandbox goes by it. */
  readonly word?: string;
}

/** A server with a sandbox for its WeChat, which looks at a picture until it is told to have seen it. */
async function start({ env = ON, database, word = 'pictures' }: How = {}) {
  let seen = (): void => undefined;
  const looking = new Promise<void>((resolve) => {
    seen = resolve;
  });
  let answer = (): void => undefined;
  const answering = new Promise<void>((resolve) => {
    answer = resolve;
  });
  const wait = (ms: number) => (ms === ANSWER_MS ? answering : ms === LOOK_MS ? looking : never);
  const sandbox = await openSandbox({ now: () => new Date(), wait });
  const folder = join(mkdtempSync(join(inject('folder'), 'content-')), 'avatars');
  const settings = {
    ...{ WX_APPID: sandbox.appid, WX_SECRET: sandbox.secret, WX_API_BASE: sandbox.url, JWT_SECRET },
    ...{ AVATAR_STORE: `file:${folder}`, PUBLIC_URL: `https://login.example.com/${word}`, ...SAFE, ...env },
  };
  const own = database ?? (await freshSqlite());
  onTestFinished(own.drop);
  const app = await startApp({ database: own, env: settings });
  sandbox.pushTo({
    ...{ url: `${app.url}/api/wechat/callback`, token: CALLBACK_TOKEN },
    ...{ encodingAESKey: AES_KEY, mode: 'safe' },
  });
  const logIn = (user: string, more: object = {}) =>
    app.call('POST', '/api/wxuser', { code: sandbox.wx.login(user).code, ...more });
  const ada: string = (await logIn('Ada')).body.token;
  const pushes = async () => (await sandbox.ask('GET', '/control/pushes')).body as { state: string }[];

  return {
    ...{ app, sandbox, folder, settings, database: own, logIn, ada, answer },
    me: (method = 'GET', body?: object, path = '', token = ada) =>
      app.call(method, `/api/wxuser/me${path}`, body, { Authorization: token }),
    asked: () => until('WeChat is asked', async () => (await pushes()).length > 0),
    /** WeChat has made up its mind, and has told it. */
    async told() {
      seen();
      await until('every verdict is told', async () =>
        (await pushes()).every(({ state }) => state !== 'waiting'),
      );
      expect(new Set((await pushes()).map(({ state }) => state))).toEqual(new Set(['delivered']));
    },
    traceId: async () =>
      ((await sandbox.ask('GET', '/control/pushes')).body[0].message as { trace_id: string }).trace_id,
  };
}

const warnings = (app: TestApp) => app.log.filter((line) => line['level'] === 40);
const rowOf = async (app: TestApp) => (await app.rows())[0];

describe.each(engines)('a nickname, on $name', ({ fresh }) => {
  test.each([
    ['fine', 'Ada 阿达', []],
    ['to be looked at', 'test-review-10001', [{ label: 10_001, msg: 'a nickname wants a look' }]],
  ])('that is %s is stored', async (_name, nickName, lines) => {
    const { app, sandbox, me } = await start({ database: await fresh() });
    expect((await me('PUT', { nickName })).body).toMatchObject({ status: 200, user: { nickName } });
    const row = await rowOf(app);
    expect(row).toMatchObject({ nickName, own_nickName: 1 });
    expect(sandbox.count('msg_sec_check')).toBe(1);
    expect(warnings(app)).toMatchObject(
      lines.map((line) => ({ ...line, user: row?.id, trace_id: expect.stringMatching(/^[\da-f-]{26}$/) })),
    );
    expect(JSON.stringify(warnings(app))).not.toContain(nickName);
  });

  test('is asked about as it would be stored: nothing invisible hides a risky one', async () => {
    const { me } = await start({ database: await fresh() });
    const hidden = 'test-\u200bris\u00adky-20002\u202e';
    expect((await me('PUT', { nickName: hidden })).body).toMatchObject({ code: 'content_rejected' });
  });

  test('that is risky is refused, and nothing is stored', async () => {
    const { app, me } = await start({ database: await fresh() });
    const before = await app.rows();
    const change = { nickName: 'test-risky-20003', gender: 1, avatar: FINE };
    const { body } = await me('PUT', change);
    expect(body).toMatchObject({
      ...{ status: 400, code: 'content_rejected', retry: 'never' },
      issues: [{ path: 'nickName' }],
    });
    expect(await app.rows()).toEqual(before);
    expect(app.log.at(-1)).toMatchObject({
      reason: expect.stringMatching(/label 20003, trace_id [\da-f-]+/),
    });
    expect(JSON.stringify(app.log)).not.toContain('test-risky');
  });
});

describe('while WeChat cannot be asked', () => {
  test.each([
    ['msg_sec_check', { nickName: 'Eve' }, { errcode: -1 }, 503, 'wechat_unavailable'],
    ['msg_sec_check', { nickName: 'Eve' }, { errcode: 61_010 }, 401, 'wechat_user_inactive'],
    ['media_check_async', { avatar: FINE }, { errcode: -1 }, 503, 'wechat_unavailable'],
    ['media_check_async', { avatar: FINE }, { errcode: 61_010 }, 401, 'wechat_user_inactive'],
    ['media_check_async', { avatar: FINE, nickName: 'Eve' }, { cut: true }, 503, 'wechat_unavailable'],
  ] as const)('%s of %o: %o', async (endpoint, change, fault, status, code) => {
    const { app, sandbox, me } = await start();
    const before = await app.rows();
    sandbox.fail(endpoint, fault);
    expect((await me('PUT', change)).body).toMatchObject({ status, code });
    expect(await app.rows()).toEqual(before);
  });

  test('a picture is not stored, and the former one stays', async () => {
    const { app, sandbox, folder, ada } = await start();
    const first = (await upload(app, ada, await jpeg(1))).body.user.avatar;
    const before = await app.rows();
    sandbox.fail('media_check_async', { errcode: -1 });
    for (const number of [1, 2]) {
      const { body } = await upload(app, ada, await jpeg(number));
      expect(body).toMatchObject({ status: 503, code: 'wechat_unavailable', retry: 'later' });
    }
    expect(await app.rows()).toEqual(before);
    expect(filesIn(folder)).toEqual([first.split('/').at(-1)]);
  });

  test('a picture whose check cannot be remembered is not stored either', async () => {
    const { app, me } = await start();
    const before = await app.rows();
    await app.sql(sql`DROP TABLE wxmedia_check`);
    expect((await me('PUT', { avatar: FINE })).status).toBe(500);
    expect(await app.rows()).toEqual(before);
  });

  test('what needs no check goes on', async () => {
    const { sandbox, me } = await start();
    sandbox.fail('*', { errcode: -1 });
    expect((await me('PUT', { gender: 1 })).body.user).toMatchObject({ gender: 1 });
  });
});

describe.each(engines)('a picture, on $name', ({ fresh }) => {
  test.each([
    ['fine', 'pictures', []],
    ['to be looked at', 'test-review-10001', [{ label: 10_001, msg: 'a picture wants a look' }]],
  ])('that is %s stays', async (_name, word, lines) => {
    const { app, folder, ada, told } = await start({ database: await fresh(), word });
    const { avatar } = (await upload(app, ada, await jpeg(1))).body.user;
    const before = await app.rows();
    expect(warnings(app)).toEqual([]);
    await told();
    expect(await app.rows()).toEqual(before);
    expect(before).toMatchObject([{ avatar, own_avatar: 1 }]);
    expect(filesIn(folder)).toHaveLength(1);
    expect(warnings(app)).toMatchObject(
      lines.map((line) => ({ ...line, user: before[0]?.id, trace_id: expect.any(String) })),
    );
  });

  test('that is risky is removed from the row, and its file', async () => {
    const { app, folder, ada, me, told } = await start({ database: await fresh(), word: 'test-risky-20002' });
    expect((await upload(app, ada, await jpeg(1))).status).toBe(200);
    expect(filesIn(folder)).toHaveLength(1);
    await told();
    expect(await app.rows()).toMatchObject([{ avatar: null, own_avatar: 0 }]);
    expect(filesIn(folder)).toEqual([]);
    expect((await me()).body.user.avatar).toBeNull();
    const [row] = await app.rows();
    const line = { user: row?.id, label: 20_002, msg: 'a picture was risky and is removed' };
    expect(warnings(app)).toMatchObject([line]);
    expect(Object.keys(warnings(app)[0] ?? {}).toSorted()).toEqual([
      'label',
      'level',
      'msg',
      'time',
      'trace_id',
      'user',
    ]);
  });

  test.each([
    ['risky', RISKY, null],
    ['to be looked at', REVIEW, REVIEW],
    ['fine', FINE, FINE],
  ])('at another address that is %s', async (_name, avatar, left) => {
    const { app, me, told } = await start({ database: await fresh() });
    expect((await me('PUT', { avatar })).body.user.avatar).toBe(avatar);
    await told();
    expect(await app.rows()).toMatchObject([{ avatar: left, own_avatar: left ? 1 : 0 }]);
    expect(warnings(app)).toHaveLength(avatar === FINE ? 0 : 1);
  });

  test('that was replaced before the verdict: the new one stays', async () => {
    const { app, folder, ada, me, told } = await start({ database: await fresh(), word: 'test-risky' });
    for (const avatar of [RISKY, REVIEW]) await me('PUT', { avatar });
    await upload(app, ada, await jpeg(1));
    await me('PUT', { avatar: FINE });
    const before = await app.rows();
    await told();
    expect(await app.rows()).toEqual(before);
    expect([before[0]?.avatar, filesIn(folder), warnings(app)]).toEqual([FINE, [], []]);
  });

  test('an address that differs in case only is another one', async () => {
    const { app, me, told } = await start({ database: await fresh() });
    await me('PUT', { avatar: RISKY });
    const other = RISKY.replace('test-risky', 'TEST-RISKY');
    await me('PUT', { avatar: other });
    await told();
    expect(await app.rows()).toMatchObject([{ avatar: other, own_avatar: 1 }]);
  });

  test('that is set after the verdict stays, and the verdict told again does nothing', async () => {
    const { app, me, told, traceId } = await start({ database: await fresh() });
    await me('PUT', { avatar: RISKY });
    const risky = await traceId();
    await told();
    await me('PUT', { avatar: FINE });
    await told();
    await tell(app, risky, 'risky');
    await tell(app, risky, 'risky');
    expect(await app.rows()).toMatchObject([{ avatar: FINE, own_avatar: 1 }]);
    expect(warnings(app)).toHaveLength(1);
  });

  test('a verdict of a check that nobody here asked for is answered', async () => {
    const { app, me, told } = await start({ database: await fresh() });
    await me('PUT', { avatar: FINE });
    await told();
    const before = await app.rows();
    for (const suggest of ['pass', 'review', 'risky']) {
      expect(await tell(app, `unknown-${suggest}`, suggest)).toMatchObject({ status: 200, body: 'success' });
    }
    expect(await app.rows()).toEqual(before);
    expect(warnings(app)).toEqual([]);
  });

  test('whose verdict is faster than the answer to the question is removed too', async () => {
    const { app, sandbox, ada, folder, asked, told, answer } = await start({
      ...{ database: await fresh(), word: 'test-risky' },
    });
    sandbox.fail('media_check_async', { delayMs: ANSWER_MS });
    const sent = upload(app, ada, await jpeg(1));
    await asked();
    await told();
    answer();
    expect((await sent).status).toBe(200);
    expect(await app.rows()).toMatchObject([{ avatar: null, own_avatar: 0 }]);
    expect(filesIn(folder)).toEqual([]);
    expect(warnings(app)).toHaveLength(1);
  });

  test('whose verdict comes while it is being stored is removed too', async () => {
    const { app, database, settings, traceId } = await start({ database: await fresh() });
    const { contentCheck, users } = await partsOf({ ...settings, DATABASE_URL: database.url });
    const [row] = await app.rows();
    const { id = 0, appid = '', user_id: openid = '' } = row ?? {};
    await contentCheck.checkAvatar({ id, appid, openid }, RISKY, async () => {
      await tell(app, await traceId(), 'risky');
      return users.change(id, { avatar: RISKY });
    });
    expect(await app.rows()).toMatchObject([{ avatar: null, own_avatar: 0 }]);
  });

  test('a check that fails is said', async () => {
    const { app, me, traceId } = await start({ database: await fresh() });
    await me('PUT', { avatar: FINE });
    const failed = {
      Event: 'wxa_media_check',
      trace_id: await traceId(),
      version: 2,
      errcode: -1008,
      detail: '',
    };
    await push(app, { MsgType: 'event', ...failed }, { mode: 'safe', appid: 'wx5a0db0c55a0db0c5' });
    expect(await app.rows()).toMatchObject([{ avatar: FINE }]);
    expect(warnings(app)).toMatchObject([{ label: -1008, msg: 'WeChat could not check a picture' }]);
  });

  test('the account erased meanwhile: nothing is left, and the verdict is answered', async () => {
    const { app, database, me, told, logIn } = await start({ database: await fresh() });
    await me('PUT', { avatar: RISKY });
    const bob = (await logIn('Bob')).body.token;
    await me('PUT', { avatar: FINE }, '', bob);
    const mine = (await me('GET', undefined, '/export')).body.wxmedia_check;
    expect(mine).toMatchObject([{ trace_id: expect.any(String), avatar: RISKY, suggest: null }]);
    await me('DELETE');
    const bobs = await me('GET', undefined, '/export', bob);
    expect(bobs.body.wxmedia_check).toMatchObject([{ avatar: FINE }]);
    await told();
    expect(await app.rows()).toMatchObject([{ avatar: FINE }]);
    expect(warnings(app)).toEqual([]);
    const { db } = await openDatabase(database.url);
    onTestFinished(() => db.destroy());
    const kept = await db
      .selectFrom('wxmedia_check')
      .select(['avatar', 'suggest'])
      .orderBy('suggest')
      .execute();
    expect(kept).toEqual([
      { avatar: FINE, suggest: 'pass' },
      { avatar: null, suggest: 'risky' },
    ]);
  });
});

/** The same server once more, without HTTP. */
async function partsOf(env: Record<string, string>) {
  const [config, log] = [weapp.loadConfig(env), weapp.createLog('silent')];
  const stores = await weapp.openStores(config, log);
  const parts = weapp.createParts(config, { stores, log, sandboxBase: '' });
  onTestFinished(async () => {
    for (const { wechat } of parts.apps) wechat.close();
    await stores.close();
  });
  return parts;
}

async function tell(app: TestApp, trace_id: string, suggest: string) {
  const verdict = { version: 2, errcode: 0, result: { suggest, label: 1 }, detail: [] };
  const event = { MsgType: 'event', Event: 'wxa_media_check', trace_id, ...verdict };
  return push(app, event, { mode: 'safe', appid: 'wx5a0db0c55a0db0c5' });
}

describe.each(engines)('the table of checks, on $name', ({ fresh }) => {
  test('forgets after a day, a batch at a time', async () => {
    const own = await fresh();
    onTestFinished(own.drop);
    const database = await openDatabase(own.url);
    const { db } = database;
    onTestFinished(() => db.destroy());
    const now = new Date('2026-03-02T04:00:00.000Z');
    const rows = Array.from({ length: 620 }, (_, number) => ({
      ...{ trace_id: `t${number}`, wxuser_id: null, avatar: null, suggest: 'risky' as const, label: 1 },
      created_at: number < 600 ? '2026-03-01 04:00:00.000' : '2026-03-01 04:00:00.001',
    }));
    await db.insertInto('wxmedia_check').values(rows).execute();
    const checks = createPictureChecks(database, () => now);
    const count = async () => (await db.selectFrom('wxmedia_check').select('trace_id').execute()).length;
    const answer = () => checks.answered('new', { suggest: 'risky', label: 1 });
    expect(await answer()).toBeUndefined();
    expect(await count()).toBe(121);
    for (let more = 0; more < 20; more++) await answer();
    expect(await count()).toBe(21);
  });

  test('remembers nothing of a user who is gone', async () => {
    const { app, database } = await start({ database: await fresh() });
    const opened = await openDatabase(database.url);
    onTestFinished(() => opened.db.destroy());
    const checks = createPictureChecks(opened, () => new Date());
    const { id = 0 } = (await rowOf(app)) ?? {};
    await checks.asked('here', id, FINE);
    await checks.asked('gone', Number(id) + 1, FINE);
    expect(await checks.find('here')).toEqual({ userId: id, avatar: FINE, verdict: undefined });
    const rows = await opened.db.selectFrom('wxmedia_check').select('trace_id').execute();
    expect(rows).toEqual([{ trace_id: 'here' }]);
  });
});

describe('a login', () => {
  const said = { nickName: 'Self-made', avatarUrl: FINE, gender: 1 };

  test('leaves out a name and a picture that WeChat does not vouch for, and asks nothing', async () => {
    const { sandbox, logIn } = await start();
    const { status, body } = await logIn('Bob', { rawData: said });
    expect([status, body.user]).toEqual([200, { ...body.user, nickName: null, avatar: null, gender: 1 }]);
    const issue = (path: string) => ({ path, message: expect.stringMatching(/PUT \/api\/wxuser\/me/) });
    expect(body.issues).toEqual([issue('rawData.nickName'), issue('rawData.avatarUrl')]);
    expect((await logIn('Bob', { rawData: { gender: 2 } })).body).not.toHaveProperty('issues');
    expect([sandbox.count('msg_sec_check'), sandbox.count('media_check_async')]).toEqual([0, 0]);
  });

  test('takes what a signature proves, whatever encryptedData says', async () => {
    const { sandbox, logIn } = await start();
    const { code } = sandbox.wx.login('Bob');
    const { rawData, signature } = sandbox.wx.getUserProfile('Bob', said);
    const { encryptedData, iv } = sandbox.wx.getUserProfile('Bob', { ...said, nickName: 'Another' });
    const { body } = await logIn('Bob', { code, rawData, signature, encryptedData, iv });
    expect(body.user).toMatchObject({ nickName: 'Self-made', avatar: FINE, gender: 1 });
    expect(body).not.toHaveProperty('issues');
  });

  test('leaves out what only decrypts: the iv changes the start of a name, a splice its middle', async () => {
    const { logIn, sandbox } = await start();
    const { code } = sandbox.wx.login('Bob');
    const { encryptedData, iv } = sandbox.wx.getUserProfile('Bob', said);
    const { status, body } = await logIn('Bob', { code, encryptedData, iv });
    expect([status, body.user]).toEqual([200, { ...body.user, nickName: null, avatar: null, gender: 1 }]);
    const issue = (path: string) => ({ path, message: expect.stringMatching(/PUT \/api\/wxuser\/me/) });
    expect(body.issues).toEqual([issue('encryptedData.nickName'), issue('encryptedData.avatarUrl')]);
  });
});

test('it is off by default: nothing is asked, and everything is taken', async () => {
  const { app, sandbox, ada, me, logIn } = await start({ env: {}, word: 'test-risky' });
  const said = { nickName: 'test-risky', avatarUrl: RISKY };
  expect((await logIn('Bob', { rawData: said })).body.user).toMatchObject({ nickName: 'test-risky' });
  expect((await me('PUT', { nickName: 'test-risky', avatar: RISKY })).status).toBe(200);
  expect((await upload(app, ada, await jpeg(1))).status).toBe(200);
  expect([sandbox.count('msg_sec_check'), sandbox.count('media_check_async')]).toEqual([0, 0]);
  expect(await tell(app, 'unknown', 'risky')).toMatchObject({ body: 'success' });
});

test('who was not in the mini program for two hours logs in again, and goes on', async () => {
  const { sandbox, me, logIn } = await start();
  sandbox.advance(121 * MINUTE);
  expect((await me('PUT', { nickName: 'Eve' })).body).toMatchObject({
    ...{ status: 401, code: 'wechat_user_inactive', retry: 'login' },
  });
  await logIn('Ada');
  expect((await me('PUT', { nickName: 'Eve' })).status).toBe(200);
});
