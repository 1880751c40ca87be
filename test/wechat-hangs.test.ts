import { expect, onTestFinished, test } from 'vitest';
import { createWeChat } from '../src/wechat/client.ts';
import { MAX_CALLS, MAX_SOCKETS } from '../src/wechat/http.ts';
import { APPID, realSettings, startApp, WX_SECRET } from './support/app.ts';
import { failureOf } from './support/failure.ts';
import { until } from './support/until.ts';
import { hang, held, json, SESSION, startStandIn } from './support/wechat.ts';

test('a WeChat that hangs takes so many sockets and calls, and the next call is refused at once', async () => {
  const wechat = await startStandIn();
  const hanging = held(json(SESSION));
  wechat.answer(hanging.reply);
  const client = createWeChat({ appid: APPID, secret: WX_SECRET, apiBase: wechat.url, timeoutMs: 20_000 });
  onTestFinished(client.close);
  const waiting = Array.from({ length: MAX_CALLS }, (_, i) => client.code2Session(`code-${i}`));
  await until('WeChat is asked over every connection', async () => wechat.asked.length === MAX_SOCKETS);

  const refused = await failureOf(client.code2Session('one-more'));
  expect(refused).toMatchObject({ code: 'wechat_unavailable', retryAfter: 5 });
  expect(refused.reason).toMatch(/^256 calls wait for WeChat already/);
  expect((await failureOf(client.getAccessToken())).reason).toBe(refused.reason);
  // A code that is asked about already costs nothing more.
  const shared = client.code2Session('code-0');
  expect(wechat.asked.length).toBe(MAX_SOCKETS);

  hanging.letGo();
  const sessions = await Promise.all([...waiting, shared]);
  expect(new Set(sessions.map(({ openid }) => openid))).toEqual(new Set([SESSION.openid]));
  expect(wechat.asked.length).toBe(MAX_CALLS);
  expect((await client.code2Session('afterwards')).openid).toBe(SESSION.openid);
});

test('a login beyond what waits is told when to come back, and the log says why; the others end in time', async () => {
  const wechat = await startStandIn();
  wechat.answer(hang);
  const app = await startApp({ env: { ...realSettings(wechat.url), WX_TIMEOUT_MS: '1500' } });
  const logins = Array.from({ length: MAX_CALLS + 20 }, (_, i) =>
    app.call('POST', '/api/wxuser', { code: `code-${i}` }, { 'Accept-Language': 'en' }),
  );
  const answers = await Promise.all(logins);
  expect(new Set(answers.map(({ body }) => body.code))).toEqual(new Set(['wechat_unavailable']));
  const atOnce = answers.filter(({ headers }) => headers.has('retry-after'));
  expect(atOnce).toHaveLength(20);
  const line = app.log.find(({ id }) => id === atOnce[0]?.body.requestId);
  expect(line?.['reason']).toMatch(/^256 calls wait for WeChat already: it hangs/);
  wechat.answer(json(SESSION));
  expect((await app.call('POST', '/api/wxuser', { code: 'afterwards' })).status).toBe(200);
});
