import { sql } from 'kysely';
import { createConnection, type RowDataPacket } from 'mysql2/promise';
import { describe, expect, onTestFinished, test } from 'vitest';
import { SANDBOX_APPID } from '../src/config.ts';
import { type Answer, startApp, type TestApp } from './support/app.ts';
import {
  engines,
  type FreshDatabase,
  freshMysql,
  freshSqlite,
  mysqlUrl,
  redisThere,
} from './support/engines.ts';
import {
  AES_KEY,
  CALLBACK_TOKEN,
  deliver,
  encrypt,
  encryptRaw,
  newNonce,
  nowInSeconds,
  PLAIN,
  pack,
  push,
  SAFE,
  type Sending,
  sha1,
} from './support/push.ts';
import { startRedis } from './support/redis.ts';

const NAMED = { nickName: 'Ada', avatar: 'https://example.com/ada.png', gender: 2 };
const ways: Required<Pick<Sending, 'mode' | 'format'>>[] = (['JSON', 'XML'] as const).flatMap((format) => [
  { mode: 'plain', format },
  { mode: 'compatible', format },
  { mode: 'safe', format },
]);
const settingsFor = (mode: Sending['mode']) => (mode === 'plain' ? PLAIN : SAFE);

const event = (name: string, openid: string, more: object = {}) => ({
  ToUserName: 'gh_870882ca4b1',
  FromUserName: 'oOfThePushingService00000000',
  CreateTime: nowInSeconds(),
  MsgType: 'event',
  Event: name,
  OpenID: openid,
  AppID: SANDBOX_APPID,
  ...more,
});
const revoke = (openid: string, info: string | number) =>
  event('user_authorization_revoke', openid, { RevokeInfo: info });

/** A server whose user Ada has everything that there is, some of it set by herself. */
async function startWithAda(env: Record<string, string> = SAFE, database = freshSqlite()) {
  const own = await database;
  onTestFinished(own.drop);
  const app = await startApp({ database: own, env });
  const headers = await loginAsAda(app);
  const [row] = await app.rows();
  return { app, database: own, headers, openid: row?.user_id ?? '' };
}

async function loginAsAda(app: TestApp) {
  const { token } = (await app.login({ user: 'Ada' })).body;
  const headers = { Authorization: token as string };
  await app.call('PUT', '/api/wxuser/me', NAMED, headers);
  await app.sql(sql`UPDATE wxuser SET phone = '13800138000'`);
  return headers;
}

const me = (app: TestApp, headers: Record<string, string>) =>
  app.call('GET', '/api/wxuser/me', undefined, headers);
/** By a route that looks at nothing but the session. */
const mySessions = (app: TestApp, headers: Record<string, string>) =>
  app.call('GET', '/api/wxuser/sessions', undefined, headers);
const events = (app: TestApp) => app.log.filter((line) => line['msg'] === 'wechat event');

function expectSuccess({ status, headers, body }: Answer): void {
  expect([status, body]).toEqual([200, 'success']);
  expect(headers.get('content-type')).toMatch(/^text\/plain/);
}
function expectRefused({ body }: Answer, status: number, code: string): void {
  expect(body).toMatchObject({ status, code, retry: 'never', requestId: expect.any(String) });
}

describe.each(engines)('what an event does, on $name', ({ fresh }) => {
  test.each(ways)('users take back what they gave: $format, $mode', async ({ mode, format }) => {
    const { app, headers, openid } = await startWithAda(settingsFor(mode), fresh());
    await app.login({ user: 'Bob' });
    const [ada, bob] = await app.rows();
    expectSuccess(await push(app, revoke(openid, '19'), { mode, format }));
    const [after, bobAfter] = await app.rows();
    const updated = { updated_at: after?.updated_at };
    expect(after).toEqual({ ...ada, nickName: null, own_nickName: 0, ...updated });
    expect(bobAfter).toEqual(bob);
    expect((await me(app, headers)).body.user).toMatchObject({ nickName: null, avatar: NAMED.avatar });
    expect(events(app)).toMatchObject([
      { event: 'user_authorization_revoke', outcome: 'handled', user: ada?.id },
    ]);
  });

  test.each([
    ['6, name and avatar', '6', { nickName: null, avatar: null, gender: 0, own_avatar: 0, own_gender: 0 }],
    ['8, the phone', 8, { phone: null }],
    ['20, the avatar', '20', { avatar: null, own_avatar: 0 }],
    ['several at once', '8,19', { phone: null, nickName: null, own_nickName: 0 }],
    ['what is not stored', '13', {}],
    ['a number that nobody knows', '999', {}],
  ])('RevokeInfo %s', async (_name, info, gone) => {
    const { app, openid } = await startWithAda(PLAIN, fresh());
    const [before] = await app.rows();
    expectSuccess(await push(app, revoke(openid, info)));
    const [after] = await app.rows();
    const marks = 'gender' in gone ? { own_nickName: 0 } : {};
    expect(after).toEqual({ ...before, ...gone, ...marks, updated_at: after?.updated_at });
  });

  test.each(ways)(
    'a user leaves WeChat, and all of him is erased: $format, $mode',
    async ({ mode, format }) => {
      const { app, headers, openid } = await startWithAda(settingsFor(mode), fresh());
      await app.login({ user: 'Bob' });
      expect((await mySessions(app, headers)).status).toBe(200); // remembered from now on
      expectSuccess(await push(app, event('user_authorization_cancellation', openid), { mode, format }));
      expect((await mySessions(app, headers)).body).toMatchObject({ status: 401, code: 'session_ended' });
      expect((await app.rows()).map((row) => row.nickName)).toEqual([expect.not.stringMatching('Ada')]);
      expectSuccess(await push(app, event('user_authorization_cancellation', openid), { mode, format }));
    },
  );

  test.each(ways)(
    'WeChat cleared a profile, and the next login brings the new one: $format, $mode',
    async ({ mode, format }) => {
      const { app, openid } = await startWithAda(settingsFor(mode), fresh());
      expect((await app.login({ user: 'Ada', nickName: 'New' })).body.user.nickName).toBe('Ada');
      expectSuccess(await push(app, event('user_info_modified', openid), { mode, format }));
      expect(await app.rows()).toMatchObject([
        { nickName: null, avatar: null, own_nickName: 0, own_avatar: 0, gender: 2, phone: '13800138000' },
      ]);
      expect((await app.login({ user: 'Ada', nickName: 'New' })).body.user.nickName).toBe('New');
    },
  );
});

test.skipIf(!mysqlUrl)(
  'what a merge kept is taken back and erased too; a phone that may not be NULL is emptied',
  async () => {
    const { app, database, openid } = await startWithAda(PLAIN, freshMysql());
    await app.login({ user: 'Bob' });
    const [ada, bob] = await app.rows();
    await app.sql(sql`UPDATE wxuser SET phone = '' WHERE phone IS NULL`);
    await app.sql(sql`ALTER TABLE wxuser MODIFY phone VARCHAR(32) NOT NULL DEFAULT ''`);
    await app.sql(sql`CREATE TABLE wxuser_merged (id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
    merged_into BIGINT UNSIGNED NOT NULL, merged_at DATETIME(3) NOT NULL, row_json MEDIUMTEXT NOT NULL)`);
    const old = JSON.stringify({ id: 9, NICKNAME: 'Old', avatar: 'https://a.example/1.png', points: 7 });
    for (const row of [ada, bob])
      await app.sql(sql`INSERT INTO wxuser_merged VALUES (NULL, ${row?.id}, UTC_TIMESTAMP(3), ${old})`);
    const bobs = await exportOf(app, 'Bob');
    expectSuccess(await push(app, revoke(openid, '19 8')));
    const [after] = await app.rows();
    expect(after).toMatchObject({ nickName: null, phone: '' });
    const exported = await exportOf(app, 'Ada');
    expect(exported).toEqual([{ id: 9, avatar: 'https://a.example/1.png', points: 7 }]);
    expect(await exportOf(app, 'Bob')).toEqual(bobs);
    expectSuccess(await push(app, event('user_authorization_cancellation', openid)));
    const connection = await createConnection(database.url);
    onTestFinished(() => connection.end());
    const [kept] = await connection.query<RowDataPacket[]>('SELECT merged_into AS id FROM wxuser_merged');
    expect(kept).toEqual([{ id: bob?.id }]);
  },
);

async function exportOf(app: TestApp, user: string): Promise<unknown> {
  const { token } = (await app.login({ user })).body;
  const { body } = await app.call('GET', '/api/wxuser/me/export', undefined, { Authorization: token });
  return body.wxuser_merged;
}

describe('the address is entered in the console', () => {
  const query = (more: Record<string, string> = {}) => {
    const [timestamp, nonce] = [String(nowInSeconds()), newNonce()];
    return {
      signature: sha1(CALLBACK_TOKEN, timestamp, nonce),
      timestamp,
      nonce,
      echostr: '4375120948',
      ...more,
    };
  };
  const ask = (app: TestApp, given: Record<string, string>) =>
    app.call('GET', `/api/wechat/callback?${new URLSearchParams(given)}`);

  test.each([
    ['plain', PLAIN],
    ['safe', SAFE],
  ])('in the %s mode the echo proves the Token', async (_mode, env) => {
    const app = await startApp({ env });
    const { status, headers, body } = await ask(app, query());
    expect([status, body]).toEqual([200, '4375120948']);
    expect(headers.get('content-type')).toMatch(/^text\/plain/);
  });

  test.each([
    [
      'another Token',
      () => ({ signature: sha1('SomeOtherTokenOfSomebody0001', '1', '2') }),
      'callback_signature_invalid',
      403,
    ],
    ['no signature', () => ({ signature: '' }), 'callback_signature_invalid', 403],
    ['another nonce', () => ({ nonce: '1' }), 'callback_signature_invalid', 403],
    [
      'half a signature',
      () => ({ signature: query().signature.slice(0, 20) }),
      'callback_signature_invalid',
      403,
    ],
    [
      'an old signature',
      () => ({ timestamp: '1714036504', nonce: '1', signature: sha1(CALLBACK_TOKEN, '1714036504', '1') }),
      'callback_replayed',
      403,
    ],
  ])('%s is refused', async (_name, wrong, code, status) => {
    const app = await startApp({ env: SAFE });
    expectRefused(await ask(app, query(wrong())), status, code);
  });

  test.each([
    ['plain', PLAIN],
    ['safe', SAFE],
  ] as const)('in the %s mode the proof opens no message, and a message no proof', async (mode, env) => {
    const { app, database, openid } = await startWithAda(env);
    const asked = query();
    expect((await ask(app, asked)).status).toBe(200);
    expect((await ask(app, asked)).status).toBe(200); // WeChat may repeat it
    expectRefused(await ask(app, { ...asked, echostr: '1' }), 403, 'callback_replayed');
    const { timestamp, nonce } = asked;
    const next = await restart(app, database, env);
    for (const body of [revoke(openid, '19'), `echostr=${asked.echostr}`]) {
      const pushed = await push(next, body, { mode, timestamp: Number(timestamp), nonce });
      expect([400, 403]).toContain(pushed.status);
    }
    const message = pack(event('debug_demo', openid), { mode });
    expectSuccess(await deliver(next, message));
    const { signature = '', ...rest } = message.query;
    expectRefused(await ask(next, { ...rest, signature, echostr: '1' }), 403, 'callback_replayed');
    expect(await next.rows()).toMatchObject([{ nickName: 'Ada' }]);
  });

  test('a signature that comes twice is none; without an echostr there is nothing to echo', async () => {
    const app = await startApp({ env: SAFE });
    const { echostr, ...rest } = query();
    expectRefused(await ask(app, rest), 400, 'callback_unreadable');
    const twice = new URLSearchParams({ ...rest, echostr });
    twice.append('signature', rest.signature);
    expectRefused(await app.call('GET', `/api/wechat/callback?${twice}`), 403, 'callback_signature_invalid');
  });

  test('without WX_CALLBACK_TOKEN there is no such route', async () => {
    const app = await startApp();
    expect((await ask(app, query())).body).toMatchObject({ status: 404, code: 'not_found' });
    expect((await push(app, event('debug_demo', 'o'))).body).toMatchObject({ code: 'not_found' });
  });
});

describe('what is not WeChat’s, or not for us, does nothing', () => {
  const refusals: [
    string,
    Record<string, string>,
    (openid: string) => ReturnType<typeof pack>,
    number,
    string,
  ][] = [
    [
      'another Token',
      SAFE,
      (o) => pack(gone(o), { mode: 'safe', token: 'SomeOtherTokenOfSomebody0001' }),
      403,
      'callback_signature_invalid',
    ],
    [
      'another Token, in plain text',
      PLAIN,
      (o) => pack(gone(o), { token: 'SomeOtherTokenOfSomebody0001' }),
      403,
      'callback_signature_invalid',
    ],
    [
      'another Encrypt under the signature',
      SAFE,
      (o) => ({ ...pack('{}', { mode: 'safe' }), body: pack(gone(o), { mode: 'safe' }).body }),
      403,
      'callback_signature_invalid',
    ],
    [
      'the plain signature alone, on what is encrypted',
      SAFE,
      (o) => withoutMsgSignature(pack(gone(o), { mode: 'safe' })),
      403,
      'callback_signature_invalid',
    ],
    ['plain text, though there is an AES key', SAFE, (o) => pack(gone(o)), 400, 'callback_unreadable'],
    [
      'XML in plain text, though there is an AES key',
      SAFE,
      (o) => pack(gone(o), { format: 'XML' }),
      400,
      'callback_unreadable',
    ],
    [
      'what is encrypted, though there is no AES key',
      PLAIN,
      (o) => pack(gone(o), { mode: 'safe' }),
      400,
      'callback_unreadable',
    ],
    [
      'another AES key',
      SAFE,
      (o) => pack(gone(o), { mode: 'safe', aesKey: AES_KEY.replace('X9y', 'x9Y') }),
      400,
      'callback_unreadable',
    ],
    [
      'an envelope for another app',
      SAFE,
      (o) => pack(gone(o), { mode: 'safe', appid: 'wx0123456789abcdef' }),
      403,
      'callback_foreign_app',
    ],
    [
      'an event of another app',
      SAFE,
      (o) => pack({ ...gone(o), AppID: 'wx0123456789abcdef' }, { mode: 'safe' }),
      403,
      'callback_foreign_app',
    ],
    [
      'an event of another app, in plain text',
      PLAIN,
      (o) => pack({ ...gone(o), AppID: 'wx0123456789abcdef' }),
      403,
      'callback_foreign_app',
    ],
    [
      'a signature of 11 minutes ago',
      SAFE,
      (o) => pack(gone(o), { mode: 'safe', timestamp: nowInSeconds() - 660 }),
      403,
      'callback_replayed',
    ],
    [
      'a signature of 11 minutes ago, in plain text',
      PLAIN,
      (o) => pack(gone(o), { timestamp: nowInSeconds() - 660 }),
      403,
      'callback_replayed',
    ],
    [
      'a signature of the future',
      PLAIN,
      (o) => pack(gone(o), { timestamp: nowInSeconds() + 660 }),
      403,
      'callback_replayed',
    ],
    [
      'a time that is none',
      PLAIN,
      (o) => pack(gone(o), { timestamp: Number.NaN }),
      403,
      'callback_signature_invalid',
    ],
  ];
  const gone = (openid: string) => event('user_authorization_cancellation', openid);

  test.each(refusals)('%s', async (_name, env, make, status, code) => {
    const { app, headers, openid } = await startWithAda(env);
    const before = await app.rows();
    expectRefused(await deliver(app, make(openid)), status, code);
    expect(app.log.at(-1)).toMatchObject({
      code,
      status,
      path: '/api/wechat/callback',
      reason: expect.any(String),
    });
    expect(await app.rows()).toEqual(before);
    expect((await me(app, headers)).status).toBe(200);
  });

  test('the log says which setting to compare', async () => {
    const { app } = await startWithAda(SAFE);
    const reasons = async (sending: Sending) => {
      await push(app, gone('o'), sending);
      return String(app.log.at(-1)?.['reason']);
    };
    expect(await reasons({ mode: 'safe', token: 'SomeOtherTokenOfSomebody0001' })).toContain(
      'WX_CALLBACK_TOKEN',
    );
    expect(await reasons({ mode: 'safe', aesKey: AES_KEY.replace('X9y', 'x9Y') })).toContain(
      'WX_CALLBACK_AES_KEY',
    );
    expect(await reasons({ mode: 'plain' })).toMatch(/WX_CALLBACK_AES_KEY.*safe mode/);
    expect(await reasons({ mode: 'safe', appid: 'wx0123456789abcdef' })).toContain('WX_APPID');
  });

  test('in the compatible mode the encrypted part counts, never the plain one', async () => {
    const { app, openid } = await startWithAda(SAFE);
    const { query, body } = pack(revoke(openid, '8'), { mode: 'compatible' });
    const forged = JSON.stringify({ ...gone(openid), Encrypt: JSON.parse(body).Encrypt });
    expectSuccess(await deliver(app, { query, body: forged }));
    expect(await app.rows()).toMatchObject([{ phone: null, nickName: 'Ada' }]);
  });
});

describe('what does not decrypt is refused in one way, whatever is wrong with it', () => {
  const key = Buffer.from(AES_KEY, 'base64');
  const full = (appid: string, length = 2) =>
    Buffer.concat([
      Buffer.alloc(16, 'r'),
      Buffer.from([0, 0, 0, length]),
      Buffer.from('{}'),
      Buffer.from(appid),
    ]);
  const fill =
    (...last: number[]) =>
    (length: number) => {
      const count = 32 - ((length + last.length) % 32);
      return Buffer.concat([Buffer.alloc(count, 7), Buffer.from(last)]);
    };
  const pad =
    (block: number, filling?: number) =>
    (length: number): Buffer => {
      const count = block - (length % 32);
      return Buffer.concat([Buffer.alloc(count - 1, filling ?? count), Buffer.from([count])]);
    };
  const whole = () => Buffer.from(encrypt('{"MsgType":"event","Event":"debug_demo"}'), 'base64');
  const flip = (at: number) => {
    const bytes = whole();
    bytes[bytes.length + at] = (bytes.at(at) ?? 0) ^ 1;
    return bytes.toString('base64');
  };

  test.each<[string, () => string]>([
    ['an empty text', () => ''],
    ['no base64', () => '%%%%'],
    ['base64url', () => `${encrypt('{"a":"~~~~~~"}').replaceAll('+', '-').replaceAll('/', '_')}-_-_`],
    ['half of it', () => whole().subarray(0, 32).toString('base64')],
    ['a byte too few', () => whole().subarray(0, -1).toString('base64')],
    ['a block too few', () => whole().subarray(0, -16).toString('base64')],
    ['a flipped bit in the first block', () => flip(-whole().length + 20)],
    ['a flipped bit before the last block', () => flip(-17)],
    ['a flipped bit in the last block', () => flip(-1)],
    ['random bytes', () => Buffer.alloc(64, 'x').toString('base64')],
    ['padding of 0', () => encryptRaw(full(SANDBOX_APPID), key, fill(0))],
    ['padding of 33', () => encryptRaw(full(SANDBOX_APPID), key, fill(33))],
    ['padding of 255', () => encryptRaw(full(SANDBOX_APPID), key, fill(255))],
    ['padding whose last byte alone is right', () => encryptRaw(full(SANDBOX_APPID), key, pad(32, 9))],
    ['padding of two blocks', () => encryptRaw(full(SANDBOX_APPID), key, pad(64))],
    ['good padding, and an appid that is none', () => encryptRaw(full('something else'))],
    ['a length beyond the end', () => encryptRaw(full(SANDBOX_APPID, 255))],
    ['a length that reaches into the appid', () => encryptRaw(full(SANDBOX_APPID, 3))],
    ['a length that is short', () => encryptRaw(full(SANDBOX_APPID, 1))],
    ['less than the head', () => encryptRaw(Buffer.alloc(10))],
    ['nothing but padding', () => encryptRaw(Buffer.alloc(0))],
  ])('%s', async (_name, make) => {
    const app = await startApp({ env: SAFE });
    const [timestamp, nonce, encrypted] = [String(nowInSeconds()), newNonce(), make()];
    const msg_signature = sha1(CALLBACK_TOKEN, timestamp, nonce, encrypted);
    const pushed = {
      query: { timestamp, nonce, msg_signature },
      body: JSON.stringify({ Encrypt: encrypted }),
    };
    const answer = await deliver(app, pushed);
    expectRefused(answer, 400, 'callback_unreadable');
    const { requestId, ...said } = answer.body;
    expect(said).toEqual({
      status: 400,
      code: 'callback_unreadable',
      messages: '无法读取推送的消息',
      retry: 'never',
    });
    expect(app.log.at(-1)?.['reason']).toMatch(/does not decrypt/);
  });
});

describe('hostile bodies, rightly signed, get an answer and no more', () => {
  const bomb = (name = 'xml') =>
    `<!DOCTYPE ${name} [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><${name}><Event>&b;</Event></${name}>`;
  const bodies: [string, string][] = [
    ['nothing', ''],
    ['blanks', '  \n '],
    ['broken JSON', '{"MsgType":'],
    ['a JSON list', '[{"MsgType":"event"}]'],
    ['a JSON text', '"event"'],
    ['null', 'null'],
    ['a form', 'MsgType=event&Event=debug_demo'],
    ['JSON that is deep', `${'['.repeat(30_000)}${']'.repeat(30_000)}`],
    ['an Event that is an object', '{"MsgType":"event","Event":{"toString":1}}'],
    ['an entity bomb', bomb()],
    [
      'an external entity',
      '<!DOCTYPE xml [<!ENTITY x SYSTEM "file:///etc/passwd">]><xml><Event>&x;</Event></xml>',
    ],
    [
      'a DOCTYPE from elsewhere',
      '<!DOCTYPE xml SYSTEM "http://127.0.0.1:1/x.dtd"><xml><Event>a</Event></xml>',
    ],
    ['an entity that nobody defined', '<xml><Event>&x;</Event></xml>'],
    ['a number as entity', '<xml><Event>&#97;</Event></xml>'],
    ['a bare &', '<xml><Event>a & b</Event></xml>'],
    ['an attribute', '<xml><Event a="b">c</Event></xml>'],
    ['a comment', '<xml><!-- c --><Event>c</Event></xml>'],
    ['an instruction', '<xml><?php c ?><Event>c</Event></xml>'],
    ['a comment behind the root', '<xml><Event>c</Event></xml><!-- c -->'],
    ['another root', '<html><Event>c</Event></html>'],
    ['two roots', '<xml><Event>c</Event></xml><xml><Event>c</Event></xml>'],
    ['text behind the root', '<xml><Event>c</Event></xml>c'],
    ['a root that is a text', '<xml>c</xml>'],
    ['no end', '<xml><Event>c</Event>'],
    ['crossed ends', '<xml><Event>c</xml></Event>'],
    ['ends alone', '</xml>'],
    ['CDATA without an end', '<xml><Event><![CDATA[c</Event></xml>'],
    ['XML that is deep', '<xml>'.repeat(5000) + '</xml>'.repeat(5000)],
    ['16,000 siblings', `<xml><MsgType>event</MsgType>${'<a/>'.repeat(16_000)}</xml>`],
    ['30,000 starts', '<a>'.repeat(20_000)],
    ['30,000 openings of CDATA', '<![CDATA['.repeat(7000)],
    ['a name without an end', `<${'a'.repeat(60_000)}`],
    ['many blanks in a tag', `<xml${' '.repeat(60_000)}`],
    ['a tag that is blank', `<${' '.repeat(60_000)}>`],
  ];

  test.each(bodies)('%s', async (_name, body) => {
    const app = await startApp({ env: PLAIN });
    const started = performance.now();
    const answer = await push(app, body);
    expect(performance.now() - started).toBeLessThan(2000);
    expectRefused(answer, 400, 'callback_unreadable');
  });

  test('the same inside the encryption', async () => {
    const app = await startApp({ env: SAFE });
    for (const [, body] of bodies) {
      const answer = await push(app, body.slice(0, 20_000), { mode: 'safe' });
      expectRefused(answer, 400, 'callback_unreadable');
    }
  });

  test('and as the envelope', async () => {
    const app = await startApp({ env: SAFE });
    for (const [, body] of bodies) {
      expectRefused(await deliver(app, { query: pack('').query, body }), 400, 'callback_unreadable');
    }
  });

  test.each([
    [
      'keys of prototypes',
      '<xml><MsgType>event</MsgType><__proto__><polluted>1</polluted></__proto__></xml>',
    ],
    ['keys of prototypes, in JSON', '{"MsgType":"event","__proto__":{"polluted":1,"Event":"x"}}'],
    [
      'a declaration and blanks',
      '\ufeff<?xml version="1.0" encoding="utf-8"?>\n<xml >\n<MsgType>event</MsgType ></xml>\n',
    ],
    ['empty elements', '<xml><MsgType>event</MsgType><Event></Event><a/></xml>'],
    ['no type', '{"a":1}'],
  ])('%s: read, and nothing happens', async (_name, body) => {
    const app = await startApp({ env: PLAIN });
    const started = performance.now();
    expectSuccess(await push(app, body));
    expect(performance.now() - started).toBeLessThan(2000);
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
  });

  test.each(['application/json', 'text/xml', 'application/x-www-form-urlencoded', 'image/png', ''])(
    'a message that is called %j is read as what it is; a huge one is refused',
    async (type) => {
      const { app, openid } = await startWithAda(PLAIN);
      expectSuccess(await deliver(app, pack(revoke(openid, '8'), { format: 'XML' }), type));
      expectSuccess(await deliver(app, pack(revoke(openid, '20')), type));
      expect(await app.rows()).toMatchObject([{ phone: null, avatar: null }]);
      const huge = await deliver(app, pack({ MsgType: 'x'.repeat(66_000) }), type);
      expect(huge.body).toMatchObject({ status: 413, code: 'payload_too_large' });
    },
  );
});

describe('what nobody here handles', () => {
  test.each([
    [
      'an event that is unknown',
      { MsgType: 'event', Event: 'wxa_punish_event' },
      'wxa_punish_event',
      'ignored',
    ],
    ['an event without a name', { MsgType: 'event' }, 'event', 'ignored'],
    ['what a user wrote', { MsgType: 'text', Content: 'my secret', MsgId: 1 }, 'text', 'ignored'],
    [
      'what a user wrote, with the name of an event',
      { MsgType: 'text', Event: 'user_info_modified', OpenID: 'o' },
      'user_info_modified',
      'ignored',
    ],
    [
      'an event without an OpenID',
      { MsgType: 'event', Event: 'user_info_modified' },
      'user_info_modified',
      'unusable',
    ],
    [
      'an event with a strange OpenID',
      { MsgType: 'event', Event: 'user_info_modified', OpenID: '王' },
      'user_info_modified',
      'unusable',
    ],
    [
      'a revocation of nothing',
      { MsgType: 'event', Event: 'user_authorization_revoke', OpenID: 'o' },
      'user_authorization_revoke',
      'unusable',
    ],
    ['an event named like a method', { MsgType: 'event', Event: 'constructor' }, 'constructor', 'ignored'],
    ['a name that is none', { MsgType: 'event', Event: 'what <is> this' }, 'other', 'ignored'],
    [
      'a user whom we do not know',
      event('user_authorization_cancellation', 'oNobodyWhoIsKnownHere0000000'),
      'user_authorization_cancellation',
      'handled',
    ],
    [
      'a check of a picture',
      {
        MsgType: 'event',
        Event: 'wxa_media_check',
        trace_id: 't',
        version: 2,
        result: { suggest: 'pass', label: 100 },
      },
      'wxa_media_check',
      'handled',
    ],
  ])('%s is answered success, and logged by its name only', async (_name, message, name, outcome) => {
    const { app } = await startWithAda();
    const before = await app.rows();
    expectSuccess(await push(app, message, { mode: 'safe' }));
    expect(await app.rows()).toEqual(before);
    expect(events(app)).toEqual([
      {
        level: 30,
        time: expect.any(String),
        id: expect.any(String),
        msg: 'wechat event',
        event: name,
        outcome,
      },
    ]);
  });
});

/** Ada gives her name again, so that whoever takes it a second time is found out. */
async function nameAgain(app: TestApp, headers: Record<string, string>): Promise<void> {
  expect((await app.call('PUT', '/api/wxuser/me', NAMED, headers)).status).toBe(200);
}

/** One instance, or two on one database, with or without a Redis of their own. */
async function startInstances({ two, redis }: Instances, env: Record<string, string>) {
  const server = redis ? await startRedis() : undefined;
  if (server) onTestFinished(server.stop);
  const more = {
    ...env,
    JWT_SECRET: 'eMsft9ydoEYJ07v0LfjLfg2ArfXsSaZi6dx3Syho',
    ...(server && { REDIS_URL: server.url }),
  };
  const { app, database, ...rest } = await startWithAda(more);
  const other = two ? await startApp({ database, env: more }) : app;
  return { app, other, server, database, env: more, ...rest };
}

interface Instances {
  readonly two: boolean;
  readonly redis: boolean;
}

describe.each([
  { name: 'in one process', two: false, redis: false },
  { name: 'over two instances without Redis', two: true, redis: false },
  ...(redisThere ? [{ name: 'over two instances with Redis', two: true, redis: true }] : []),
])('repeated and replayed, $name', (instances) => {
  const start = (env: Record<string, string>) => startInstances(instances, env);

  test.each(ways)(
    'WeChat repeats a message, with the same signature and with a new one: $format, $mode',
    async ({ mode, format }) => {
      const { app, other, headers, openid } = await start(settingsFor(mode));
      const message = revoke(openid, '19');
      const first = pack(message, { mode, format });
      expectSuccess(await deliver(app, first));
      expect(await app.rows()).toMatchObject([{ nickName: null }]);
      await nameAgain(app, headers);
      expectSuccess(await deliver(other, first));
      expectSuccess(await deliver(app, first));
      expectSuccess(await push(other, message, { mode, format }));
      expectSuccess(await push(app, message, { mode, format }));
      const { timestamp, nonce } = first.query;
      expectSuccess(
        await push(other, message, { mode, format, timestamp: Number(timestamp), nonce: nonce ?? '' }),
      );
      expect(await app.rows()).toMatchObject([{ nickName: 'Ada' }]);
      expect([...events(app), ...(other === app ? [] : events(other))]).toHaveLength(1);
      // He takes it back once more: that is another message.
      expectSuccess(await push(other, { ...message, CreateTime: message.CreateTime + 1 }, { mode, format }));
      expect(await app.rows()).toMatchObject([{ nickName: null }]);
    },
  );

  test.each(ways)(
    'a signature that was used lets no other message in: $format, $mode',
    async ({ mode, format }) => {
      const { app, other, openid } = await start(settingsFor(mode));
      const { query } = pack(event('debug_demo', openid), { mode, format });
      const sending = { mode, format, timestamp: Number(query['timestamp']), nonce: query['nonce'] ?? '' };
      expectSuccess(await push(app, event('debug_demo', openid), sending));
      for (const instance of [app, other]) {
        expectRefused(await push(instance, revoke(openid, '19'), sending), 403, 'callback_replayed');
      }
      expect(await app.rows()).toMatchObject([{ nickName: 'Ada' }]);
    },
  );

  test('the same signature, cut in two at another place, is the same signature', async () => {
    const { app, other, openid } = await start(PLAIN);
    const [early, late] = [nowInSeconds() - 1, nowInSeconds()];
    expectSuccess(await push(app, event('debug_demo', openid), { timestamp: early, nonce: String(late) }));
    const again = push(other, revoke(openid, '19'), { timestamp: late, nonce: String(early) });
    expectRefused(await again, 403, 'callback_replayed');
  });

  test('what the database could not do is done when WeChat repeats it', async () => {
    const { app, other, openid } = await start(SAFE);
    const first = pack(revoke(openid, '19'), { mode: 'safe' });
    await app.sql(sql`BEGIN IMMEDIATE`);
    const { status, body } = await deliver(app, first);
    expect({ status, ...body }).toMatchObject({ status: 503, code: 'database_unavailable', retry: 'later' });
    await app.sql(sql`ROLLBACK`);
    expect(await app.rows()).toMatchObject([{ nickName: 'Ada' }]);
    expectSuccess(await deliver(other, first));
    expect(await app.rows()).toMatchObject([{ nickName: null }]);
  });
});

/** A server on the same database, in place of one that was stopped. */
async function restart(app: TestApp, database: FreshDatabase, env: Record<string, string>): Promise<TestApp> {
  await app.stopServer();
  return startApp({ database, env });
}

const outcomes = (app: TestApp) => events(app).map((line) => line['outcome']);

describe.each([
  ...engines.map((engine) => ({ ...engine, redis: false })),
  ...(redisThere ? [{ name: 'SQLite with Redis', fresh: freshSqlite, redis: true }] : []),
])('replayed after a restart, on $name', ({ name, fresh, redis }) => {
  const some =
    name === 'SQLite' ? ways : ways.filter(({ mode, format }) => `${mode} ${format}` === 'safe XML');
  async function start(mode: Sending['mode']) {
    const server = redis ? await startRedis() : undefined;
    if (server) onTestFinished(server.stop);
    const env = {
      ...settingsFor(mode),
      JWT_SECRET: 'eMsft9ydoEYJ07v0LfjLfg2ArfXsSaZi6dx3Syho',
      ...(server && { REDIS_URL: server.url }),
    };
    return { ...(await startWithAda(env, fresh())), env };
  }

  test.each(some)(
    'what was used is used up, and a signature stays with its message: $format, $mode',
    async ({ mode, format }) => {
      const { app, database, env, headers, openid } = await start(mode);
      const message = revoke(openid, '19');
      const first = pack(message, { mode, format });
      expectSuccess(await deliver(app, first));
      await nameAgain(app, headers);
      const next = await restart(app, database, env);
      expectSuccess(await deliver(next, first));
      expectSuccess(await push(next, message, { mode, format }));
      const signed = { timestamp: Number(first.query['timestamp']), nonce: first.query['nonce'] ?? '' };
      const another = push(next, revoke(openid, '20'), { mode, format, ...signed });
      expectRefused(await another, 403, 'callback_replayed');
      expect(await next.rows()).toMatchObject([{ nickName: 'Ada', avatar: NAMED.avatar }]);
      expect(events(next)).toEqual([]);
    },
  );

  test.each(some)(
    'a cancellation erases the account it was of, and not the next one of the same user: $format, $mode',
    async ({ mode, format }) => {
      const { app, database, env, openid } = await start(mode);
      const leaving = event('user_authorization_cancellation', openid);
      const first = pack(leaving, { mode, format });
      expectSuccess(await deliver(app, first));
      expect(await app.rows()).toEqual([]);
      const next = await restart(app, database, env);
      const headers = await loginAsAda(next);
      // As if all that is remembered were gone, and the new account were of a while later, however slow the machine is.
      await next.sql(sql`DELETE FROM wxcallback_delivery`);
      const madeAt = nowInSeconds() + 60;
      const made = new Date(madeAt * 1000).toISOString().replace('T', ' ').replace('Z', '');
      await next.sql(sql`UPDATE wxuser SET created_at = ${made}`);
      expectSuccess(await deliver(next, first));
      for (const old of [leaving, revoke(openid, '6,8'), event('user_info_modified', openid)]) {
        // WeChat's own repetition, signed when the account is there; without a CreateTime the signature's time counts.
        const { CreateTime, ...timeless } = { ...old, n: 1 };
        const later = madeAt + 30;
        expectSuccess(await push(next, { ...timeless, CreateTime }, { mode, format, timestamp: later }));
        expectSuccess(await push(next, { ...timeless, CreateTime: `${CreateTime}` }, { mode, format }));
        expectSuccess(await push(next, { ...timeless, n: 2 }, { mode, format, timestamp: CreateTime }));
        // Who forges a later time has no signature of that time.
        const forged = { ...timeless, CreateTime: later };
        expectSuccess(await push(next, forged, { mode, format, timestamp: CreateTime }));
      }
      expect(await next.rows()).toMatchObject([{ ...NAMED, phone: '13800138000' }]);
      expect((await mySessions(next, headers)).status).toBe(200);
      expect(new Set(outcomes(next))).toEqual(new Set(['outdated']));
      // And now the user really leaves.
      const now = madeAt + 2;
      const real = event('user_authorization_cancellation', openid, { CreateTime: now });
      expectSuccess(await push(next, real, { mode, format, timestamp: now }));
      expect(await next.rows()).toEqual([]);
      expect(outcomes(next).at(-1)).toBe('handled');
    },
  );

  test('the same message many times at once is done once', async () => {
    const { app, openid } = await start('safe');
    const message = event('user_authorization_cancellation', openid);
    const answers = await Promise.all(Array.from({ length: 12 }, () => push(app, message, { mode: 'safe' })));
    for (const { status, body } of answers) {
      if (status !== 200) expect(body).toMatchObject({ status: 503, retry: 'later' });
    }
    expect(outcomes(app)).toEqual(['handled']);
    expectSuccess(await push(app, message, { mode: 'safe' }));
    expect(outcomes(app)).toEqual(['handled']);
  });

  test('who dies over a message leaves it to the next attempt, after a while', async () => {
    const { app, openid } = await start('safe');
    const message = revoke(openid, '19');
    const first = pack(message, { mode: 'safe' });
    await app.sql(sql`UPDATE wxuser SET nickName = 'Ada'`);
    expectSuccess(await deliver(app, first));
    await app.sql(sql`UPDATE wxuser SET nickName = 'Ada'`);
    await app.sql(sql`UPDATE wxcallback_delivery SET state = 'somebody' WHERE state = 'done'`);
    expect((await deliver(app, first)).body).toMatchObject({ status: 503, retry: 'later' });
    expect(await app.rows()).toMatchObject([{ nickName: 'Ada' }]);
    await app.sql(sql`UPDATE wxcallback_delivery SET created_at = '2020-01-01 00:00:00.000'`);
    expectSuccess(await deliver(app, first));
    expect(await app.rows()).toMatchObject([{ nickName: null }]);
  });

  test('a row from before us is as old as any event', async () => {
    const { app, openid } = await start('plain');
    await app.sql(sql`UPDATE wxuser SET created_at = NULL`);
    expectSuccess(
      await push(app, event('user_authorization_cancellation', openid, { CreateTime: 1_700_000_000 })),
    );
    expect(await app.rows()).toEqual([]);
  });

  test.each<{ CreateTime: unknown }>(
    ['yesterday', '-1', -5, '1.795e9', 1.5, 1_700_000_000_000, '', 0, null, [], { seconds: 1 }].map(
      (CreateTime) => ({ CreateTime }),
    ),
  )(
    'a CreateTime that is none ($CreateTime) counts as missing: the event is done',
    async ({ CreateTime }) => {
      const { app, openid } = await start('plain');
      const leaving = event('user_authorization_cancellation', openid, { CreateTime });
      const before = nowInSeconds() - 60;
      expectSuccess(await push(app, leaving, { timestamp: before })); // signed before the account was made
      expect(await app.rows()).toHaveLength(1);
      expectSuccess(await push(app, { ...leaving, n: 1 }));
      expect(await app.rows()).toEqual([]);
      expect(outcomes(app)).toEqual(['outdated', 'handled']);
    },
  );

  test('what is remembered names nobody, and goes after its time', async () => {
    const { app, openid } = await start('safe');
    expectSuccess(await push(app, revoke(openid, '19'), { mode: 'safe' }));
    const remembered = await rowsOf(app);
    expect(remembered).toHaveLength(2);
    for (const { digest, state } of remembered)
      expect(`${digest} ${state}`).toMatch(/^\w{64} (\w{64}|done)$/);
    await app.sql(sql`UPDATE wxcallback_delivery SET created_at = '2020-01-01 00:00:00.000'`);
    for (let i = 0; i < 20; i++) await push(app, event('debug_demo', openid, { i }), { mode: 'safe' });
    const left = (await rowsOf(app)).map(({ digest }) => digest);
    for (const { digest } of remembered) expect(left).not.toContain(digest);
  });
});

describe.skipIf(!redisThere)('with Redis', () => {
  const start = (env: Record<string, string>) => startInstances({ two: true, redis: true }, env);

  test('who is erased on one instance is out on the other, which would remember him', async () => {
    const { app, other, headers, openid } = await start({ ...SAFE, SESSION_CACHE_SECONDS: '3600' });
    for (const instance of [app, other]) expect((await mySessions(instance, headers)).status).toBe(200);
    expectSuccess(await push(app, event('user_authorization_cancellation', openid), { mode: 'safe' }));
    for (const instance of [app, other])
      await expect
        .poll(async () => (await mySessions(instance, headers)).body.code, { interval: 5 })
        .toBe('session_ended');
  });

  test('while Redis is away nobody is erased whose sessions could not be ended: WeChat is asked to repeat', async () => {
    const { app, server, openid } = await start(SAFE);
    await server?.kill();
    const leaving = event('user_authorization_cancellation', openid);
    const answer = await push(app, leaving, { mode: 'safe' });
    expect(answer.body).toMatchObject({ status: 503, retry: 'later' });
    expect(await app.rows()).toHaveLength(1);
    expectSuccess(await push(app, revoke(openid, '8'), { mode: 'safe' }));
    expect(await app.rows()).toMatchObject([{ phone: null }]);
    await server?.start();
    await expect.poll(async () => (await push(app, leaving, { mode: 'safe' })).status).toBe(200);
    expect(await app.rows()).toEqual([]);
  });
});

/** What is remembered of what was delivered. */
async function rowsOf(app: TestApp) {
  return app.query<{ digest: string; state: string }>(sql`SELECT digest, state FROM wxcallback_delivery`);
}

function withoutMsgSignature({ query, body }: ReturnType<typeof pack>) {
  const { msg_signature: _, ...rest } = query;
  return { query: { ...rest, msg_signature: rest['signature'] ?? '' }, body };
}
