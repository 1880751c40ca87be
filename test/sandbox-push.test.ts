import { describe, expect, test } from 'vitest';
import { encryptPush, signPush } from '../src/sandbox/push-crypto.ts';
import { freePort } from './support/ports.ts';
import { open, sign, startReceiver } from './support/receiver.ts';
import { openSandbox, type TestSandbox } from './support/sandbox.ts';

const TOKEN = 'AAAAA';
const KEY = 'abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG';

const setCallback = ({ ask, appid }: TestSandbox, callback: object) =>
  ask('PUT', `/control/apps/${appid}/callback`, { token: TOKEN, ...callback });

describe('message push: the examples of WeChat’s page', () => {
  // https://developers.weixin.qq.com/miniprogram/dev/framework/server-ability/message-push.html
  test('signature and msg_signature', () => {
    expect(signPush(TOKEN, '1714036504', '1514711492')).toBe('f464b24fc39322e44b38aa78f5edd27bd1441696');
    expect(signPush(TOKEN, '1714037059', '486452656')).toBe('899cf89e464efb63f54ddac96b0a0a235f53aa78');
    expect(signPush(TOKEN, '1714112445', '415670741', ENCRYPT)).toBe(
      '046e02f8204d34f8ba5fa3b1db94908f3df2e9b3',
    );
  });

  test('encryption', () => {
    const message =
      '{"ToUserName":"gh_97417a04a28d","FromUserName":"o9AgO5Kd5ggOC-bXrbNODIiE3bGY","CreateTime":1714112445,"MsgType":"event","Event":"debug_demo","debug_str":"hello world"}';
    const random = Buffer.from('a8eedb185eb2fecf');
    expect(encryptPush(message, 'A'.repeat(43), 'wxba5fad812f8e6fb9', random)).toBe(ENCRYPT);
  });

  test('the iv is the first half of the key: the example’s key has two equal halves', () => {
    const random = 'a8eedb185eb2fecf';
    const sealed = encryptPush('{}', KEY, 'wxba5fad812f8e6fb9', Buffer.from(random));
    expect(open(sealed, KEY)).toMatchObject({ random, message: '{}', appid: 'wxba5fad812f8e6fb9' });
  });

  const ENCRYPT =
    '+qdx1OKCy+5JPCBFWw70tm0fJGb2Jmeia4FCB7kao+/Q5c/ohsOzQHi8khUOb05JCpj0JB4RvQMkUyus8TPxLKJGQqcvZqzDpVzazhZv6JsXUnnR8XGT740XgXZUXQ7vJVnAG+tE8NUd4yFyjPy7GgiaviNrlCTj+l5kdfMuFUPpRSrfMZuMcp3Fn2Pede2IuQrKEYwKSqFIZoNqJ4M8EajAsjLY2km32IIjdf8YL/P50F7mStwntrA2cPDrM1kb6mOcfBgRtWygb3VIYnSeOBrebufAlr7F9mFUPAJGj04=';
});

describe('message push: the URL', () => {
  test('is taken when it answers the echostr of a signed GET', async () => {
    const [sandbox, receiver] = await Promise.all([openSandbox(), startReceiver()]);
    const { status, body } = await setCallback(sandbox, { url: receiver.url });
    expect([status, body]).toEqual([200, { verified: true }]);
    const [push] = receiver.received;
    const query = push?.query ?? {};
    expect([push?.method, query]).toEqual([
      'GET',
      {
        room: '7', // what the URL had already
        echostr: expect.stringMatching(/^\d{10,}$/),
        timestamp: '1772337600',
        nonce: expect.stringMatching(/^\d+$/),
        signature: sign(TOKEN, query['timestamp'], query['nonce']),
      },
    ]);
  });

  test.each([
    ['another text', 200, 'hello', /did not answer with the echostr/],
    ['a failure', 500, '', /HTTP 500/],
  ])('is refused when it answers %s', async (_name, status, answer, problem) => {
    const [sandbox, receiver] = await Promise.all([openSandbox(), startReceiver()]);
    receiver.answer((res) => res.writeHead(status).end(answer));
    const refused = await setCallback(sandbox, { url: receiver.url });
    expect(refused.status).toBe(400);
    expect(refused.body).toMatchObject({ code: 'invalid_request', issues: [{ path: 'url' }] });
    expect(refused.body.issues[0].message).toMatch(problem);
    const { body } = await sandbox.ask('GET', '/control/apps');
    expect(body[0].callback).toBeNull();
  });

  test('is taken without asking it where the developer says so; nobody answers there', async () => {
    const sandbox = await openSandbox();
    const url = `http://127.0.0.1:${await freePort()}/`;
    expect((await setCallback(sandbox, { url })).body.issues[0].message).toMatch(/ECONNREFUSED/);
    expect((await setCallback(sandbox, { url, verify: false })).body).toEqual({ verified: false });
    const { body } = await sandbox.ask('POST', '/control/events', {
      event: 'user_info_modified',
      user: 'Ada',
    });
    expect(body.state).toBe('failed');
    expect(body.attempts).toEqual(Array(3).fill({ error: 'ECONNREFUSED' }));
  });

  test.each([
    ['no http URL', { url: 'file:///etc/passwd' }],
    ['safe mode without a key', { mode: 'safe' }],
    ['a key of another length', { mode: 'safe', encodingAESKey: 'abc' }],
  ])('%s is refused', async (_name, callback) => {
    const sandbox = await openSandbox();
    const { status } = await setCallback(sandbox, { url: 'http://127.0.0.1:9/', ...callback });
    expect(status).toBe(400);
  });
});

describe('message push: an event', () => {
  test.each([
    ['user_info_modified', {}],
    ['user_authorization_revoke', { RevokeInfo: '8' }],
    ['user_authorization_cancellation', {}],
  ])('%s in plain mode: JSON, signed in the query', async (event, more) => {
    const [sandbox, receiver] = await Promise.all([openSandbox(), startReceiver()]);
    sandbox.pushTo({ url: receiver.url, token: TOKEN, mode: 'plain' });
    const { openid } = await sandbox.session(sandbox.wx.login('Ada').code);
    const { body: delivery } = await sandbox.ask('POST', '/control/events', {
      event,
      user: 'Ada',
      revokeInfo: '8',
    });
    const [push] = receiver.received;
    const query = push?.query ?? {};
    expect([push?.method, push?.type]).toEqual(['POST', 'application/json']);
    expect(query).toEqual({
      room: '7',
      openid,
      timestamp: '1772337600',
      nonce: expect.any(String),
      signature: sign(TOKEN, query['timestamp'], query['nonce']),
    });
    expect(JSON.parse(push?.body ?? '')).toEqual({
      ToUserName: expect.stringMatching(/^gh_[0-9a-f]{12}$/),
      FromUserName: openid,
      CreateTime: 1772337600,
      MsgType: 'event',
      Event: event,
      OpenID: openid,
      AppID: sandbox.appid,
      ...more,
    });
    expect(delivery).toMatchObject({
      state: 'delivered',
      attempts: [{ status: 200, answer: 'success' }],
    });
  });

  test('wxa_media_check in safe mode: encrypted for the app, with msg_signature, after its delay', async () => {
    const waits: number[] = [];
    const sandbox = await openSandbox({
      wait: async (ms) => {
        waits.push(ms);
        if (ms === 5000) await new Promise(() => undefined);
      },
    });
    const receiver = await startReceiver();
    await setCallback(sandbox, { url: receiver.url, mode: 'safe', encodingAESKey: KEY });
    await sandbox.ask('PUT', '/control/settings', { mediaCheckDelayMs: 60_000 });
    const { openid } = await sandbox.session(sandbox.wx.login('Ada').code);
    const { trace_id } = await sandbox.wxa('POST', 'media_check_async', {
      version: 2,
      scene: 1,
      media_type: 2,
      media_url: 'https://example.com/頭像/test-review.png',
      openid,
    });
    const [, push] = await receiver.has(2);
    const query = push?.query ?? {};
    const sent = JSON.parse(push?.body ?? '');
    expect(sent).toEqual({ ToUserName: expect.stringMatching(/^gh_/), Encrypt: expect.any(String) });
    expect(query).toMatchObject({
      encrypt_type: 'aes',
      signature: sign(TOKEN, query['timestamp'], query['nonce']),
      msg_signature: sign(TOKEN, query['timestamp'], query['nonce'], sent.Encrypt),
    });
    const opened = open(sent.Encrypt, KEY);
    expect(opened).toMatchObject({ appid: sandbox.appid });
    expect([opened.padded % 32, opened.padding >= 1 && opened.padding <= 32]).toEqual([0, true]);
    expect(JSON.parse(opened.message)).toMatchObject({
      Event: 'wxa_media_check',
      trace_id,
      result: { suggest: 'review' },
    });
    expect(waits).toContain(60_000);
  });

  test('compatible mode sends both', async () => {
    const [sandbox, receiver] = await Promise.all([openSandbox(), startReceiver()]);
    sandbox.pushTo({ url: receiver.url, token: TOKEN, mode: 'compatible', encodingAESKey: KEY });
    await sandbox.ask('POST', '/control/events', { event: 'user_info_modified', user: 'Ada' });
    const { Encrypt, ...plain } = JSON.parse(receiver.received[0]?.body ?? '');
    expect(JSON.parse(open(Encrypt, KEY).message)).toEqual(plain);
  });

  test('no answer within 5 s: it is sent again, signed anew, three times in all', async () => {
    const alarms: (() => void)[] = [];
    const wait = (ms: number) =>
      new Promise<void>((resolve) => void (ms === 5000 ? alarms.push(resolve) : resolve()));
    const sandbox = await openSandbox({ wait });
    const receiver = await startReceiver();
    sandbox.pushTo({ url: receiver.url, token: TOKEN, mode: 'plain' });
    const hang = () => alarms.at(-1)?.();
    receiver.answer(hang, hang, (res) => void res.end(''));
    const event = { event: 'user_info_modified', user: 'Ada' };
    expect((await sandbox.ask('POST', '/control/events', event)).body).toMatchObject({
      state: 'delivered',
      attempts: [
        { error: 'no answer within 5 s' },
        { error: 'no answer within 5 s' },
        { status: 200, answer: '' },
      ],
    });
    expect(new Set(receiver.received.map(({ query }) => query['nonce'])).size).toBe(3);
    expect(new Set(receiver.received.map(({ body }) => body)).size).toBe(1);

    receiver.answer(hang);
    expect((await sandbox.ask('POST', '/control/events', event)).body.state).toBe('failed');
    expect(receiver.received).toHaveLength(6);
  });

  test('our choice: an answer that is not 200 counts as none, a redirect is not followed', async () => {
    const [sandbox, receiver] = await Promise.all([openSandbox(), startReceiver()]);
    sandbox.pushTo({ url: receiver.url, token: TOKEN, mode: 'plain' });
    receiver.answer(
      (res) => res.writeHead(500).end('oops'),
      (res) => res.writeHead(302, { Location: receiver.url }).end(),
      (res) => res.end('success'),
    );
    const event = { event: 'user_info_modified', user: 'Ada' };
    const { body } = await sandbox.ask('POST', '/control/events', event);
    expect(body.attempts.map(({ status }: { status: number }) => status)).toEqual([500, 302, 200]);
  });
});
