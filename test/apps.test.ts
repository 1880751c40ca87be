import { describe, expect, test } from 'vitest';
import { JWT_SECRET, startApp, type TestApp } from './support/app.ts';
import { engines } from './support/engines.ts';
import { run } from './support/process.ts';
import { json, startStandIn } from './support/wechat.ts';

const [SHOP, GAME, STRANGER] = ['wx1111111111111111', 'wx2222222222222222', 'wx3333333333333333'];
const SECRETS: Record<string, string> = { [SHOP]: '1'.repeat(32), [GAME]: '2'.repeat(32) };
const WX_APPS = Object.entries(SECRETS)
  .map((pair) => pair.join(':'))
  .join(',');

/** A WeChat that knows both apps: the code names the person, who has an openid per app and one unionid. */
async function startWeChat(unionids = true) {
  const wechat = await startStandIn();
  wechat.answer((res, req) => {
    const { searchParams } = new URL(req.url ?? '', 'http://wechat');
    const [appid = '', secret, code] = ['appid', 'secret', 'js_code'].map(
      (name) => searchParams.get(name) ?? '',
    );
    if (SECRETS[appid] !== secret) return json({ errcode: 40125, errmsg: 'invalid appsecret' })(res, req);
    const openid = `o${code}In${appid}`.padEnd(28, '0').slice(0, 28);
    const unionid = `u${code}`.padEnd(28, '0');
    json({ session_key: 'tiihtNczf5v6AKRyjwEUhQ==', openid, ...(unionids && { unionid }) })(res, req);
  });
  return { WX_APPS, WX_API_BASE: wechat.url, JWT_SECRET };
}

const referer = (appid: string) => ({ Referer: `https://servicewechat.com/${appid}/12/page-frame.html` });
const login = (app: TestApp, body: object, headers = {}) => app.call('POST', '/api/wxuser', body, headers);
const appOf = async (app: TestApp, id: number) => (await app.rows()).find((row) => row.id === id)?.appid;

describe('which mini program a login comes from', () => {
  test.each<[string, object, Record<string, string>, string | undefined]>([
    ['the one it names', { appid: GAME }, {}, GAME],
    ['the one it names, whatever the Referer says', { appid: GAME }, referer(SHOP), GAME],
    ['that of the Referer', {}, referer(GAME), GAME],
    ['the first, without either', {}, {}, SHOP],
    ['the first, with a Referer of another', {}, referer(STRANGER), SHOP],
    ['the first, with a Referer of a web page', {}, { Referer: `https://example.com/${GAME}/` }, SHOP],
  ])('%s', async (_name, body, headers, expected) => {
    const app = await startApp({ env: await startWeChat() });
    const answer = await login(app, { code: 'ada', ...body }, headers);
    expect(answer.status).toBe(200);
    expect(await appOf(app, answer.body.user.id)).toBe(expected);
    const koa = await app.call('POST', '/user/wechatlogin', { code: 'bob', ...body }, headers);
    expect(koa.body.code).toBe(0);
    expect((await app.rows()).map((row) => row.appid)).toEqual([expected, expected]);
  });

  test('an app that is not ours is refused, and nothing is written', async () => {
    const app = await startApp({ env: await startWeChat() });
    const { status, body } = await login(app, { code: 'ada', appid: STRANGER });
    expect({ status, ...body }).toMatchObject({
      status: 400,
      code: 'invalid_request',
      issues: [{ path: 'appid' }],
    });
    const koa = await app.call('POST', '/user/wechatlogin', { code: 'ada', appid: STRANGER });
    expect(koa.body).toMatchObject({ status: 400, code: 'invalid_request' });
    expect(await app.rows()).toEqual([]);
  });
});

describe.each(engines)('one person in two mini programs, on $name', ({ fresh }) => {
  test('has a row in each; tokens of both are good; each row knows of the other by the unionid', async () => {
    const database = await fresh();
    const app = await startApp({ database, env: await startWeChat() });
    const shop = (await login(app, { code: 'ada', appid: SHOP })).body;
    const game = (await login(app, { code: 'ada', appid: GAME })).body;
    await login(app, { code: 'bob', appid: GAME });
    expect(shop.user.id).not.toBe(game.user.id);
    const me = async (token: string) => (await app.call('GET', '/api/wxuser/me', undefined, { token })).body;
    const linkedOf = async ({ token }: { token: string }) =>
      (await me(token.slice(7))).linked.map(({ id, appid }: { id: number; appid: string }) => [id, appid]);
    expect(await linkedOf(shop)).toEqual([[game.user.id, GAME]]);
    expect(await linkedOf(game)).toEqual([[shop.user.id, SHOP]]);
    await app.close();
    await database.drop();
  });

  test('without a unionid nobody is linked; it is filled in when it appears', async () => {
    const database = await fresh();
    const without = await startApp({ database, env: await startWeChat(false) });
    for (const appid of [SHOP, GAME]) await login(without, { code: 'ada', appid });
    const { body } = await login(without, { code: 'bob', appid: GAME });
    const me = await without.call('GET', '/api/wxuser/me', undefined, { Authorization: body.token });
    expect(me.body.linked).toEqual([]);
    await without.close();

    const app = await startApp({ database, env: await startWeChat() });
    for (const appid of [SHOP, GAME]) await login(app, { code: 'ada', appid });
    const unionids = (await app.rows()).map((row) => row.unionid);
    expect(unionids).toEqual([expect.stringMatching(/^uada0/), expect.stringMatching(/^uada0/), null]);
    await app.close();
    await database.drop();
  });

  test('one ban can reach all of his rows, and one unban', { timeout: 60_000 }, async () => {
    const database = await fresh();
    const env = { ...(await startWeChat()), SESSION_CACHE_SECONDS: '0' };
    const app = await startApp({ database, env });
    const [shop, game, bob] = [
      (await login(app, { code: 'ada', appid: SHOP })).body,
      (await login(app, { code: 'ada', appid: GAME })).body,
      (await login(app, { code: 'bob', appid: GAME })).body,
    ];
    const statuses = () =>
      Promise.all(
        [shop, game, bob].map(
          async ({ token }) =>
            (await app.call('GET', '/api/wxuser/me', undefined, { Authorization: token })).status,
        ),
      );
    const command = async (...args: string[]) => {
      const process = run(args, { ...env, DATABASE_URL: database.url }, undefined, { private: true });
      await process.ended;
      return process.words();
    };
    const [one, other] = [shop.user.id, game.user.id];
    expect(await command('ban', String(one))).toBe(`user ${one} is banned\n`);
    expect(await statuses()).toEqual([403, 200, 200]);
    expect(await command('ban', String(one), '--linked')).toBe(`users ${one}, ${other} are banned\n`);
    expect(await statuses()).toEqual([403, 403, 200]);
    expect(await command('unban', String(other), '--linked')).toBe(
      `users ${one}, ${other} are let in again\n`,
    );
    expect(await statuses()).toEqual([401, 401, 200]); // a ban ends sessions for good
    await app.close();
    await database.drop();
  });
});
