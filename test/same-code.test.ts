import { expect, test } from 'vitest';
import { JWT_SECRET, startApp } from './support/app.ts';
import { loginCode } from './support/contract.ts';
import { openSandbox } from './support/sandbox.ts';

/** A server whose WeChat is a sandbox, which answers late when it is told to, and then when it is let go. */
async function start() {
  const waiting: (() => void)[] = [];
  const letGo = () => {
    for (const go of waiting.splice(0)) go();
  };
  const wechat = await openSandbox({ wait: () => new Promise((go) => void waiting.push(go)) });
  const { appid: WX_APPID, secret: WX_SECRET, url: WX_API_BASE } = wechat;
  const app = await startApp({ env: { WX_APPID, WX_SECRET, WX_API_BASE, JWT_SECRET } });
  const login = (code: string) => app.call('POST', '/api/wxuser', { code });
  return { wechat, app, login, letGo };
}

test('one code sent twice at once is one call of WeChat and two logins; sent later, it is used', async () => {
  const { wechat, app, login, letGo } = await start();
  const code = loginCode(wechat);
  wechat.fail('jscode2session', { delayMs: 1, calls: 1 });

  const both = [login(code), login(code)];
  await expect.poll(() => wechat.count('jscode2session')).toBe(1);
  await app.call('GET', '/readyz'); // a round trip later, both logins have arrived
  letGo();
  const answers = await Promise.all(both);
  expect(answers.map(({ status }) => status)).toEqual([200, 200]);
  expect(wechat.count('jscode2session')).toBe(1);

  const [one, other] = answers.map(({ body: { token, expiresAt, isNew, ...rest } }) => rest);
  expect(other).toEqual(one);
  expect(answers.map(({ body }) => body.isNew).toSorted()).toEqual([false, true]);
  expect(await app.rows()).toHaveLength(1);
  const tokens = answers.map(({ body }) => body.token as string);
  expect(tokens[0]).not.toBe(tokens[1]);
  for (const Authorization of tokens) {
    const me = await app.call('GET', '/api/wxuser/me', undefined, { Authorization });
    expect([me.status, me.body.user]).toEqual([200, one?.user]);
  }

  expect((await login(code)).body).toMatchObject({ status: 401, code: 'wechat_code_used', retry: 'login' });
  expect(wechat.count('jscode2session')).toBe(2);
  expect(app.log.at(-1)?.['reason']).toMatch(/40163 \(code been used, rid: /);
});

test('one code sent twice at once, of a user whom WeChat blocks: one call, and both are refused', async () => {
  const { wechat, app, login, letGo } = await start();
  wechat.user('Eve', { blocked: true });
  const code = loginCode(wechat, 'Eve');
  wechat.fail('jscode2session', { delayMs: 1, calls: 1 });
  const both = [login(code), login(code)];
  await expect.poll(() => wechat.count('jscode2session')).toBe(1);
  await app.call('GET', '/readyz');
  letGo();
  const refused = { status: 403, code: 'wechat_user_blocked', retry: 'never' };
  expect((await Promise.all(both)).map(({ body }) => body)).toMatchObject([refused, refused]);
  expect(wechat.count('jscode2session')).toBe(1);
  expect(await app.rows()).toEqual([]);
});

test('two codes of one user at once are two calls and one user', async () => {
  const { wechat, app, login, letGo } = await start();
  const codes = [loginCode(wechat), loginCode(wechat)];
  wechat.fail('jscode2session', { delayMs: 1, calls: 2 });
  const both = codes.map(login);
  await expect.poll(() => wechat.count('jscode2session')).toBe(2);
  letGo();
  const answers = await Promise.all(both);
  expect(answers.map(({ status }) => status)).toEqual([200, 200]);
  expect(answers[1]?.body.user).toEqual(answers[0]?.body.user);
  expect(await app.rows()).toHaveLength(1);
});
