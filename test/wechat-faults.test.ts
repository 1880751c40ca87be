import { once } from 'node:events';
import { createServer } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createWeChat } from '../src/wechat/client.ts';
import { realSettings, startApp, WX_SECRET } from './support/app.ts';
import { freePort } from './support/ports.ts';
import { cut, errcode, hang, json, SESSION, type StandIn, startStandIn, text } from './support/wechat.ts';

const TIMEOUT_MS = 400;
const CODE = '0a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P';

/** What WeChat does, what we answer, and the cause that the log names. */
const faults: [string, (wechat: StandIn) => void, string, RegExp][] = [
  ['hangs past the time-out', (w) => w.answer(hang), 'wechat_unavailable', /did not answer within 400 ms/],
  [
    'sends its reply in drops, past the time-out',
    (w) =>
      w.answer((res) => {
        const drops = setInterval(() => res.write(' '), 50);
        res.on('close', () => clearInterval(drops));
      }),
    'wechat_unavailable',
    /did not answer within 400 ms/,
  ],
  ['cuts the connection', (w) => w.answer(cut), 'wechat_unavailable', /could not be reached \(ECONNRESET\)/],
  [
    'answers 500 with HTML',
    (w) => w.answer(text(500, 'text/html', '<h1>oops</h1>')),
    'wechat_unavailable',
    /HTTP 500/,
  ],
  [
    'answers 200 with HTML',
    (w) => w.answer(text(200, 'text/html', '<h1>hi</h1>')),
    'wechat_unavailable',
    /not a JSON/,
  ],
  [
    'redirects',
    (w) => w.answer((res) => res.writeHead(302, { Location: `${w.url}/elsewhere` }).end()),
    'wechat_unavailable',
    /HTTP 302/,
  ],
  [
    'sends truncated JSON',
    (w) => w.answer(text(200, 'text/plain', JSON.stringify(SESSION).slice(0, -20))),
    'wechat_unavailable',
    /not a JSON/,
  ],
  [
    'sends an empty object',
    (w) => w.answer(json({})),
    'wechat_unavailable',
    /lacks or malforms: openid, session_key/,
  ],
  ['sends a list', (w) => w.answer(json([])), 'wechat_unavailable', /lacks or malforms/],
  ['sends null', (w) => w.answer(json(null)), 'wechat_unavailable', /not a JSON/],
  [
    'sends an openid of a wrong type',
    (w) => w.answer(json({ ...SESSION, openid: 7 })),
    'wechat_unavailable',
    /: openid/,
  ],
  [
    'sends an endless reply',
    (w) => w.answer(text(200, 'text/plain', 'x'.repeat(1_000_000))),
    'wechat_unavailable',
    /could not be reached \(ERR_BAD_RESPONSE\)/,
  ],
  ['is busy twice (-1)', (w) => w.answer(errcode(-1)), 'wechat_unavailable', /answered -1 .*busy/],
  [
    'answers an errcode we do not know',
    (w) => w.answer(errcode(99999)),
    'wechat_unavailable',
    /99999 .*do not know/,
  ],
  ['does not know the AppID', (w) => w.answer(errcode(40013)), 'wechat_misconfigured', /mend WX_APPID/],
  ['refuses the AppSecret', (w) => w.answer(errcode(40125)), 'wechat_misconfigured', /mend WX_SECRET/],
  [
    'does not know our address',
    (w) => w.answer(errcode(40164, 'invalid ip 203.0.113.9, not in whitelist')),
    'wechat_misconfigured',
    /203\.0\.113\.9.*IP whitelist/,
  ],
  [
    'repeats what we sent in its errmsg',
    (w) => w.answer(errcode(40029, `invalid code ${CODE} for secret ${WX_SECRET}`)),
    'wechat_code_invalid',
    /invalid code … for secret …/,
  ],
];

describe('WeChat', () => {
  // The test's own limit shows that the time-out holds.
  test.each(faults)('%s', { timeout: 4000 }, async (_name, prepare, code, reason) => {
    const wechat = await startStandIn();
    prepare(wechat);
    const app = await startApp({ env: { ...realSettings(wechat.url), WX_TIMEOUT_MS: String(TIMEOUT_MS) } });
    const { body } = await app.call('POST', '/api/wxuser', { code: CODE });
    expect(body.code).toBe(code);
    expect(app.log.find((line) => line['id'] === body.requestId)?.['reason']).toMatch(reason);
    expect(await app.rows()).toEqual([]);
  });

  test('refuses the connection', async () => {
    const app = await startApp({ env: realSettings(`http://127.0.0.1:${await freePort()}`) });
    const { body } = await app.call('POST', '/api/wxuser', { code: CODE });
    expect(body.code).toBe('wechat_unavailable');
    expect(app.log.find((line) => line['id'] === body.requestId)?.['reason']).toMatch(/ECONNREFUSED/);
  });

  test('accepts the connection and never speaks HTTP', async () => {
    const port = await freePort();
    const silent = createServer(() => undefined).listen(port, '127.0.0.1');
    onTestFinished(() => void silent.close());
    await once(silent, 'listening');
    const env = { ...realSettings(`http://127.0.0.1:${port}`), WX_TIMEOUT_MS: String(TIMEOUT_MS) };
    const { body } = await (await startApp({ env })).call('POST', '/api/wxuser', { code: CODE });
    expect(body.code).toBe('wechat_unavailable');
  });

  test('cuts a connection that is new: the call is not repeated, since the code may be spent', async () => {
    const wechat = await startStandIn();
    wechat.answer(cut, json(SESSION));
    const app = await startApp({ env: realSettings(wechat.url) });
    expect((await app.call('POST', '/api/wxuser', { code: CODE })).body.code).toBe('wechat_unavailable');
    expect(wechat.asked).toHaveLength(1);
  });

  test('is busy once (-1) and then well: the login succeeds', async () => {
    const wechat = await startStandIn();
    wechat.answer(errcode(-1), json(SESSION));
    const app = await startApp({ env: realSettings(wechat.url) });
    expect((await app.call('POST', '/api/wxuser', { code: CODE })).status).toBe(200);
    expect(wechat.asked).toHaveLength(2);
  });

  test('closes a kept connection just as we use it again: the call is repeated', async () => {
    const wechat = await startStandIn();
    const client = createWeChat({
      appid: 'a',
      secret: 'secret-for-this-test',
      apiBase: wechat.url,
      timeoutMs: 2000,
    });
    await client.code2Session('first');
    wechat.answer(cut, json(SESSION));
    expect(await client.code2Session('second')).toMatchObject({ openid: SESSION.openid });
    client.close();
  });

  test('errcode 0 and escaped slashes are a success', async () => {
    const wechat = await startStandIn();
    const slashed = JSON.stringify({
      errcode: 0,
      errmsg: 'ok',
      ...SESSION,
      session_key: 'ab/cdefghijklmnopqrstuv==',
    });
    wechat.answer(text(200, 'text/plain', slashed.replaceAll('/', '\\/')));
    const client = createWeChat({
      appid: 'a',
      secret: 'secret-for-this-test',
      apiBase: wechat.url,
      timeoutMs: 2000,
    });
    expect(await client.code2Session('c')).toEqual({
      openid: SESSION.openid,
      unionid: undefined,
      sessionKey: 'ab/cdefghijklmnopqrstuv==',
    });
    client.close();
  });
});
