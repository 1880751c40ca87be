import fc from 'fast-check';
import { sql } from 'kysely';
import { describe, expect, test } from 'vitest';
import { SANDBOX_APPID } from '../src/config.ts';
import { examineCallback } from '../src/doctor/callback.ts';
import { openMessage } from '../src/handlers/open-message.ts';
import { parseJson } from '../src/wechat/message-json.ts';
import { readMessage } from '../src/wechat/messages.ts';
import { OFFICIAL } from './fixtures/message-push.ts';
import { startApp, type TestApp } from './support/app.ts';
import { deliver, nowInSeconds, PLAIN, pack, push, SAFE, type Sending, sha1 } from './support/push.ts';

const events = (app: TestApp) => app.log.filter((line) => line['msg'] === 'wechat event');

async function startWithAda(env: Record<string, string>) {
  const app = await startApp({ env });
  await app.login({ user: 'Ada' });
  await app.sql(sql`UPDATE wxuser SET phone = '13800138000'`);
  const openid = (await app.rows())[0]?.user_id ?? '';
  return { app, openid };
}
const revoke = (openid: string, info: string) => ({
  ToUserName: 'gh_870882ca4b1',
  FromUserName: 'oOfThePushingService00000000',
  CreateTime: nowInSeconds(),
  MsgType: 'event',
  Event: 'user_authorization_revoke',
  OpenID: openid,
  AppID: SANDBOX_APPID,
  RevokeInfo: info,
});

describe('WeChat’s published vectors, at the moment they were signed', () => {
  const { token, aesKey, appid, check, plain, safe } = OFFICIAL;
  const at = (timestamp: string) => () => new Date(Number(timestamp) * 1000);
  /** The Token and the key of WeChat's page are refused as settings: they are published. */
  const needs = (timestamp: string, key?: string) => ({
    appids: [appid] as [string],
    callback: { token, aesKey: key },
    now: at(timestamp),
  });
  const event = JSON.parse(safe.text);

  test.each([
    ['plain', plain, undefined, safe.text],
    [
      'plain, with the encrypted text besides',
      plain,
      undefined,
      JSON.stringify({ ...event, Encrypt: safe.encrypted }),
    ],
    [
      'safe',
      { ...safe, msg_signature: safe.msgSignature },
      aesKey,
      JSON.stringify({ ToUserName: 'gh_97417a04a28d', Encrypt: safe.encrypted }),
    ],
    [
      'safe, in XML',
      { ...safe, msg_signature: safe.msgSignature },
      aesKey,
      `<xml><ToUserName><![CDATA[gh_97417a04a28d]]></ToUserName><Encrypt><![CDATA[${safe.encrypted}]]></Encrypt></xml>`,
    ],
    [
      'compatible',
      { ...safe, msg_signature: safe.msgSignature },
      aesKey,
      JSON.stringify({ ...event, Event: 'forged', Encrypt: safe.encrypted }),
    ],
    [
      'safe, without encrypt_type',
      { ...safe, msg_signature: safe.msgSignature, encrypt_type: undefined },
      aesKey,
      JSON.stringify({ Encrypt: safe.encrypted }),
    ],
  ])('%s', (_name, query, key, body) => {
    const { message, ...opened } = openMessage(query, body, needs(query.timestamp, key));
    expect(message).toMatchObject({ type: 'event', event: 'debug_demo' });
    expect(opened).toMatchObject({ appid, signedAt: Number(query.timestamp) });
  });

  test('the check of an address, and the answer that WeChat shows, hold', () => {
    expect(sha1(token, check.timestamp, check.nonce)).toBe(check.signature);
    expect(sha1(token, plain.timestamp, plain.nonce)).toBe(plain.signature);
    expect(sha1(token, safe.timestamp, safe.nonce, safe.encrypted)).toBe(safe.msgSignature);
    const reply = 'ELGduP2YcVatjqIS+eZbp80MNLoAUWvzzyJxgGzxZO/5sAvd070Bs6qrLARC9nVHm48Y4hyRbtzve1L32tmxSQ==';
    expect(sha1(token, '1713424427', safe.nonce, reply)).toBe('1b9339964ed2e271e7c7b6ff2b0ef902fc94dea1');
  });
});

const MSG_IDS = [
  '23637352235060880',
  '23637352235060881',
  '9007199254740993',
  '6054768590064713728',
  '-9007199254740993',
];

describe('numbers that no number holds', () => {
  test.each(MSG_IDS)('%s keeps its digits, wherever it stands', (digits) => {
    const source = `{"MsgType":"text","MsgId":${digits},"List":[${digits},{"MsgID": ${digits} }],"Content":"${digits}"}`;
    const kept = { MsgId: digits, List: [digits, { MsgID: digits }], Content: digits };
    expect(readMessage(source)?.fields).toMatchObject(kept);
    const xml = `<xml><MsgType>text</MsgType><MsgId>${digits}</MsgId></xml>`;
    expect(readMessage(xml)?.fields).toMatchObject({ MsgId: digits });
  });

  test('all other JSON is what JSON.parse makes of it (property)', () => {
    const key = fc.string().map((name) => name.trim());
    const value = fc.letrec((tie) => ({
      any: fc.oneof(
        { depthSize: 'small' },
        fc.string({ unit: 'binary' }),
        fc.integer(),
        fc.double({ noNaN: true, noDefaultInfinity: true, max: 1e15, min: -1e15 }),
        fc.boolean(),
        fc.constant(null),
        fc.array(tie('any')),
        fc.dictionary(key, tie('any')),
      ),
    })).any;
    fc.assert(
      fc.property(value, fc.constantFrom(undefined, 2, '\t'), (any, space) => {
        const source = JSON.stringify(any, null, space);
        expect(parseJson(source)).toEqual(JSON.parse(source));
      }),
      { numRuns: 1000 },
    );
  });

  test.each([
    '{"a":1',
    '{"a":01}',
    '{a:1}',
    '{"a":1}}',
    '{"a":--1}',
    "{'a':1}",
    '{" a:1}',
    '[1,]',
    '',
    '23637352235060880a',
  ])('%j is no JSON, and does not become it', (source) => {
    expect(parseJson(source)).toBeUndefined();
  });

  test('two messages whose ids differ in their last digit are two, read by us or by a parser of the app around us', async () => {
    const app = await startApp({ env: PLAIN });
    for (const digits of MSG_IDS.slice(0, 2))
      for (let repeat = 0; repeat < 2; repeat++)
        expect((await push(app, `{"MsgType":"text","CreateTime":1,"MsgId":${digits}}`)).status).toBe(200);
    expect(events(app)).toHaveLength(2);

    const timestamp = nowInSeconds();
    const known = MSG_IDS.slice(0, 2).map((digits, i) => {
      const nonce = String(i);
      const query = { timestamp: String(timestamp), nonce, signature: sha1('x', String(timestamp), nonce) };
      const needs = {
        appids: [SANDBOX_APPID] as [string],
        callback: { token: 'x', aesKey: undefined },
        now: () => new Date(timestamp * 1000),
      };
      return openMessage(query, JSON.parse(`{"MsgType":"text","MsgId":${digits}}`), needs).text;
    });
    expect(new Set(known).size).toBe(2);
  });
});

describe('a message in any form that WeChat, or what stands between, gives it', () => {
  type Write = (fields: Record<string, unknown>) => string;
  const forms: [string, Write][] = [
    [
      'keys with a blank in front',
      (fields) =>
        JSON.stringify(Object.fromEntries(Object.entries(fields).map(([key, value]) => [` ${key}`, value]))),
    ],
    [
      'keys with blanks on both sides',
      (fields) => JSON.stringify(fields, null, 1).replace(/"(\w+)":/g, '"  $1 ":'),
    ],
    [
      'values with a blank in front',
      (fields) =>
        JSON.stringify(Object.fromEntries(Object.entries(fields).map(([key, value]) => [key, ` ${value}`]))),
    ],
    ['a byte order mark', (fields) => `\ufeff${JSON.stringify(fields)}`],
    ['blank lines around', (fields) => `\r\n\n ${JSON.stringify(fields, null, 2)}\n\n`],
    ['fields of null', (fields) => JSON.stringify({ PluginID: null, appid: null, Encrypt: null, ...fields })],
    ['XML after a byte order mark and blank lines', (fields) => `\ufeff\n\n${xml(fields)}`],
    [
      'XML with a blank before a name',
      (fields) => xml(fields).replace('<OpenID>', '< OpenID>').replace('</RevokeInfo>', '</ RevokeInfo>'),
    ],
    ['XML without CDATA', (fields) => xml(fields).replaceAll(/<!\[CDATA\[(.*?)\]\]>/g, '$1')],
    [
      'XML with empty elements',
      (fields) => xml(fields).replace('</xml>', '<PluginID></PluginID><OpenPID/></xml>'),
    ],
  ];
  const xml = (fields: Record<string, unknown>) => pack(fields, { format: 'XML' }).body;
  const types = [
    'application/json',
    'text/xml',
    'text/plain;charset=utf8',
    'application/x-www-form-urlencoded',
  ];

  test.each([
    ['plain', PLAIN],
    ['safe', SAFE],
  ] as const)('is read by its first character, whatever its type is, in the %s mode', async (mode, env) => {
    const { app, openid } = await startWithAda(env);
    for (const [index, [name, write]] of forms.entries()) {
      await app.sql(sql`UPDATE wxuser SET phone = '13800138000'`);
      const sent = pack(write({ ...revoke(openid, '8'), n: index }), { mode });
      const answer = await deliver(app, sent, types[index % types.length]);
      expect([answer.status, answer.body], name).toEqual([200, 'success']);
      expect(await app.rows(), name).toMatchObject([{ phone: null, status: 'active' }]);
    }
    expect(new Set(events(app).map(({ outcome }) => outcome))).toEqual(new Set(['handled']));
  });

  test('an envelope with blanks before its keys, and one in the other format, are opened', async () => {
    const { app, openid } = await startWithAda(SAFE);
    const inXml = pack(xml(revoke(openid, '8')), { mode: 'safe' });
    const { Encrypt } = JSON.parse(inXml.body);
    const body = JSON.stringify({ ' ToUserName': 'gh_1', ' Encrypt': Encrypt });
    expect((await deliver(app, { ...inXml, body })).status).toBe(200);
    expect(await app.rows()).toMatchObject([{ phone: null }]);
  });

  test.each([
    ['nothing', ''],
    ['a byte order mark alone', '\ufeff'],
    ['blank lines', '\r\n\r\n'],
    ['a key that is blanks', '{" ":1'],
  ])('%s is no message', async (_name, body) => {
    const app = await startApp({ env: PLAIN });
    expect((await push(app, body)).body).toMatchObject({ status: 400, code: 'callback_unreadable' });
  });

  test('bytes that are not UTF-8 are refused as that', async () => {
    const app = await startApp({ env: PLAIN });
    const { query } = pack('');
    const body = new Uint8Array(Buffer.from('7b224d736754797065223a22d5c5227d', 'hex'));
    const path = `/api/wechat/callback?${new URLSearchParams(query)}`;
    const answer = await fetch(app.url + path, { method: 'POST', body });
    expect([answer.status, JSON.parse(await answer.text()).code]).toEqual([400, 'callback_unreadable']);
    expect(app.log.at(-1)?.['reason']).toMatch(/not UTF-8/);
  });
});

describe('Cloud Run asks for the path', () => {
  const ask = (app: TestApp, body: string, query = '') =>
    app.call('POST', `/api/wechat/callback${query}`, body);

  test.each([
    ['plain', PLAIN],
    ['safe', SAFE],
  ])(
    'it is answered without a signature, does nothing and says what to do, in the %s mode',
    async (_mode, env) => {
      const { app } = await startWithAda(env);
      const before = await app.rows();
      for (const body of [
        '{"action":"CheckContainerPath"}',
        ' { " action" : "CheckContainerPath" } ',
        '<xml><action>CheckContainerPath</action></xml>',
        '<xml><action><![CDATA[CheckContainerPath]]></action></xml>',
      ]) {
        const { status, body: text } = await ask(app, body);
        expect([status, text], body).toEqual([200, 'success']);
      }
      expect(app.log.filter((line) => line['event'] === 'CheckContainerPath')).toHaveLength(4);
      expect(app.log.findLast((line) => line['event'] === 'CheckContainerPath')?.['msg']).toMatch(
        /not signed and will be refused/,
      );
      expect(await app.rows()).toEqual(before);
      expect(await app.query(sql`SELECT * FROM wxcallback_delivery`)).toEqual([]);
    },
  );

  test('nothing else passes unsigned, such as what Cloud Run pushes itself; the log says why', async () => {
    const { app, openid } = await startWithAda(PLAIN);
    const before = await app.rows();
    const event = revoke(openid, '8');
    for (const body of [
      event,
      { ...event, action: 'CheckContainerPath' },
      { action: 'checkcontainerpath' },
      { action: 'CheckContainerPath', x: 1 },
      { action: ['CheckContainerPath'] },
    ]) {
      const answer = await ask(app, JSON.stringify(body));
      expect(answer.body, JSON.stringify(body)).toMatchObject({
        status: 403,
        code: 'callback_signature_invalid',
      });
      expect(app.log.at(-1)?.['reason']).toMatch(/no signature.*Cloud Run/);
    }
    const { query, body } = pack(event, { mode: 'safe' });
    const { msg_signature: _, ...cut } = query;
    const safe = await startApp({ env: SAFE });
    expect((await deliver(safe, { query: cut, body })).status).toBe(403);
    expect(safe.log.at(-1)?.['reason']).toMatch(/no msg_signature.*proxy/);
    expect(await app.rows()).toEqual(before);
  });
});

describe('to authorize again is not to leave', () => {
  const third = (InfoType: string, openid: string) => ({
    AppId: SANDBOX_APPID,
    CreateTime: nowInSeconds(),
    InfoType,
    AuthorizerAppid: SANDBOX_APPID,
    OpenID: openid,
  });

  test('what a third-party platform hears of authorizations, and takes back what is not stored, erases nothing', async () => {
    const { app, openid } = await startWithAda(PLAIN);
    const before = await app.rows();
    const messages = [
      ...['authorized', 'updateauthorized', 'unauthorized'].map((type) => third(type, openid)),
      ...['user_authorization', 'user_authorization_grant', 'user_authorization_cancel'].map((Event) => ({
        ...revoke(openid, '8'),
        Event,
      })),
      ...['', '0', '201', '301', '13'].map((info) => revoke(openid, info)),
    ];
    for (const format of ['JSON', 'XML'] as const)
      for (const message of messages) expect((await push(app, message, { format })).status).toBe(200);
    expect(await app.rows()).toEqual(before.map((row) => ({ ...row, updated_at: expect.anything() })));
  });

  test.each<Sending>([{ mode: 'plain' }, { mode: 'safe', format: 'XML' }])(
    'who takes back and gives again keeps it, though WeChat repeats the revocation; who leaves and comes back keeps the account',
    async (sending) => {
      const { app, openid } = await startWithAda(sending.mode === 'safe' ? SAFE : PLAIN);
      const first = revoke(openid, '8');
      expect((await push(app, first, sending)).status).toBe(200);
      await app.sql(sql`UPDATE wxuser SET phone = '13900139000'`);
      expect((await push(app, first, sending)).status).toBe(200);
      expect(await app.rows()).toMatchObject([{ phone: '13900139000' }]);
      const { RevokeInfo: _, ...leaving } = { ...first, Event: 'user_authorization_cancellation' };
      expect((await push(app, leaving, sending)).status).toBe(200);
      expect(await app.rows()).toEqual([]);
      await app.login({ user: 'Ada' });
      expect((await push(app, leaving, sending)).status).toBe(200);
      expect(await app.rows()).toHaveLength(1);
    },
  );
});

test('doctor says what a refusal of our own callback comes from', async () => {
  const [without, other] = [await startApp(), await startApp({ env: PLAIN })];
  const callback = { token: 'Tq3vN1xR7tY5uW2mP9sD4fXy', aesKey: 'A' };
  const ask = (publicUrl: string) =>
    examineCallback(
      { callback, publicUrl, sandbox: false, proxyFor: () => undefined } as never,
      () => new Date(),
    );
  expect(await ask(without.url)).toMatchObject([
    { level: 'problem', todo: expect.stringMatching(/no WX_CALLBACK_TOKEN.*proxy/) },
  ]);
  expect(await ask(other.url)).toMatchObject([
    { level: 'problem', todo: expect.stringMatching(/another WX_CALLBACK_TOKEN.*clock/) },
  ]);
});
