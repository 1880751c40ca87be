import { expect } from 'vitest';
import { SANDBOX_APPID } from '../../src/config.ts';
import type { ErrorCode } from '../../src/errors.ts';
import { endpoints } from '../../src/sandbox/endpoints/table.ts';
import type { EndpointName } from '../../src/sandbox/faults.ts';
import {
  endedTokens,
  expiredTokens,
  loginCode,
  type Meeting,
  phoneCode,
  phoneData,
  plainToken,
  type Terms,
  termsOf,
  wellMeant,
} from './contract.ts';
import { keepSecret } from './no-secrets.ts';
import { MINUTE, type TestSandbox } from './sandbox.ts';

/**
 * Where we know it from: a section of our facts about WeChat and how sure it is (H: very; documented: never seen on
 * the wire; without a grade: it is not said). What is beyond them is our choice, or what WeChat's staff answered in its forum.
 */
export type Source =
  | '§1 H'
  | '§1 documented'
  | '§1'
  | '§4'
  | '§5'
  | '§6'
  | '§7'
  | 'documented'
  | 'WeChat’s forum'
  | 'our choice'
  | `our choice: ${string}`;

/** One thing that WeChat does, as the sandbox does it, and what the client must make of it. */
export interface Row {
  readonly endpoint: EndpointName;
  readonly situation: string;
  readonly source: Source;
  /** What the endpoint answers to the last call; 0, or none, where it is well. */
  readonly errcode?: number;
  /** How often the client asks the endpoint; once. */
  readonly asked?: number;
  readonly terms?: Terms;
  readonly arrange?: (meeting: Meeting) => unknown;
  /** The call; well meant by default. */
  readonly call?: (meeting: Meeting) => Promise<unknown>;
  /** What the client gives back, by default what it gives where all is well; or its failure, and the cause in the log. */
  readonly gives?: (meeting: Meeting) => unknown;
  readonly fails?: readonly [code: ErrorCode, reason: RegExp];
}

const NOBODY = `o${'x'.repeat(27)}`;
const TOKEN = /^\d\d_[\w-]{136,157}$/;
const RID = /[0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{8}$/;
const UNKNOWN = ['wechat_unavailable', /an errcode we do not know/] as const;
const loggedIn = ({ ada }: Meeting) => ({
  openid: ada.openid,
  unionid: ada.unionid,
  sessionKey: ada.session_key,
});

const NUMBER = { phoneNumber: '12066600001', purePhoneNumber: '12066600001', countryCode: '86' };
const aTime = () => expect.any(Date);
const aToken = () => expect.stringMatching(TOKEN);
const found = (suggest: string, label: number) => () => ({
  suggest,
  label,
  traceId: expect.stringMatching(RID),
});

/** What a well-meant call gives where nothing is wrong. */
export const well: Readonly<Record<EndpointName, NonNullable<Row['gives']>>> = {
  jscode2session: loggedIn,
  stable_token: aToken,
  token: aToken,
  getuserphonenumber: () => NUMBER,
  checkencryptedmsg: aTime,
  checksession: () => true,
  resetusersessionkey: () => expect.stringMatching(/^[A-Za-z0-9+/]{22}==$/),
  msg_sec_check: found('pass', 100),
  media_check_async: () => expect.stringMatching(RID),
};

const setApp = (sandbox: TestSandbox, changes: object) =>
  sandbox.ask('PUT', `/control/apps/${sandbox.appid}`, changes);

/** What only WeChat itself can come to: the fault says it in WeChat's words. */
const answers = (endpoint: EndpointName, errcode: number, calls?: number): Pick<Row, 'arrange'> => ({
  arrange: ({ sandbox }) => sandbox.fail(endpoint, { errcode, ...(calls !== undefined && { calls }) }),
});

const login: Row[] = [
  {
    endpoint: 'jscode2session',
    situation: 'a good code',
    source: '§1 H',
  },
  {
    endpoint: 'jscode2session',
    situation: 'a code in the last moment of its five minutes',
    source: '§1',
    async call({ sandbox, client }) {
      const code = loginCode(sandbox);
      sandbox.advance(5 * MINUTE);
      return client.code2Session(code);
    },
  },
  {
    endpoint: 'jscode2session',
    situation: 'a code that nobody made',
    source: '§1 H',
    errcode: 40029,
    call: ({ client }) => client.code2Session('0'.repeat(32)),
    fails: ['wechat_code_invalid', /\(invalid code, rid: .*wrong or expired/],
  },
  {
    endpoint: 'jscode2session',
    situation: 'a code older than five minutes',
    source: '§1',
    errcode: 40029,
    async call({ sandbox, client }) {
      const code = loginCode(sandbox);
      sandbox.advance(5 * MINUTE + 1);
      return client.code2Session(code);
    },
    fails: ['wechat_code_invalid', /wrong or expired/],
  },
  {
    endpoint: 'jscode2session',
    situation: 'a code of another mini program',
    source: 'our choice',
    errcode: 40029,
    async call({ sandbox, client }) {
      const { body } = await sandbox.ask('POST', '/wx/login', { user: 'Ada', appid: SANDBOX_APPID });
      return client.code2Session(body.code);
    },
    fails: ['wechat_code_invalid', /WX_APPID is not the mini program that made it/],
  },
  {
    endpoint: 'jscode2session',
    situation: 'a code of the getPhoneNumber button',
    source: '§4',
    errcode: 40029,
    call: ({ sandbox, client }) => client.code2Session(phoneCode(sandbox)),
    fails: ['login_code_expected', /invalid code/],
  },
  {
    endpoint: 'jscode2session',
    situation: 'a code that was used',
    source: '§1 H',
    errcode: 40163,
    asked: 2,
    async call({ sandbox, client }) {
      const code = loginCode(sandbox);
      await client.code2Session(code);
      return client.code2Session(code);
    },
    fails: ['wechat_code_used', /\(code been used, rid: /],
  },
  {
    endpoint: 'jscode2session',
    situation: 'a code that was used and is old',
    source: 'our choice',
    errcode: 40029,
    asked: 2,
    async call({ sandbox, client }) {
      const code = loginCode(sandbox);
      await client.code2Session(code);
      sandbox.advance(5 * MINUTE + 1);
      return client.code2Session(code);
    },
    fails: ['wechat_code_invalid', /invalid code/],
  },
  {
    endpoint: 'jscode2session',
    situation: 'an AppID that nobody has',
    source: '§1 H',
    errcode: 40013,
    terms: { appid: 'wx0000000000000000' },
    fails: ['wechat_misconfigured', /\(invalid appid rid: .*mend WX_APPID/],
  },
  {
    endpoint: 'jscode2session',
    situation: 'another AppSecret',
    source: '§1 H',
    errcode: 40125,
    terms: { secret: 'ab'.repeat(16) },
    fails: ['wechat_misconfigured', /\(invalid appsecret, rid: .*mend WX_SECRET/],
  },
  {
    endpoint: 'jscode2session',
    situation: 'no AppID',
    source: '§1 H',
    errcode: 41002,
    terms: { appid: '' },
    fails: ['wechat_misconfigured', /\(appid missing rid: .*set WX_APPID/],
  },
  {
    endpoint: 'jscode2session',
    situation: 'no AppSecret',
    source: '§1 H',
    errcode: 41004,
    terms: { secret: '' },
    fails: ['wechat_misconfigured', /\(appsecret missing, rid: .*set WX_SECRET/],
  },
  {
    endpoint: 'jscode2session',
    situation: 'no code',
    source: '§1 H',
    errcode: 41008,
    call: ({ client }) => client.code2Session(''),
    fails: ['wechat_misconfigured', /\(missing code, rid: .*code got lost/],
  },
  {
    endpoint: 'jscode2session',
    situation: 'a high-risk user',
    source: '§1 documented',
    errcode: 40226,
    arrange: ({ sandbox }) => sandbox.user('Ada', { blocked: true }),
    fails: ['wechat_user_blocked', /\(code blocked, rid: /],
  },
  {
    endpoint: 'jscode2session',
    situation: 'a frozen AppSecret',
    source: 'our choice',
    errcode: 40243,
    arrange: ({ sandbox }) => setApp(sandbox, { secretFrozen: true }),
    fails: ['wechat_misconfigured', /AppSecret is frozen/],
  },
  {
    endpoint: 'jscode2session',
    situation: 'an address that is not in the whitelist',
    source: 'our choice: it counts for tokens only',
    arrange: ({ sandbox }) => setApp(sandbox, { ipWhitelist: ['203.0.113.7'] }),
  },
];

/** Both endpoints that give access_tokens. */
const tokens = (['stable_token', 'token'] as const).flatMap((endpoint): Row[] => {
  const terms = termsOf(endpoint);
  return [
    {
      endpoint,
      situation: 'a token',
      source: '§5',
    },
    {
      endpoint,
      situation: 'a token, asked for again',
      source: '§5',
      async call({ client }) {
        const first = await client.getAccessToken();
        expect(await client.getAccessToken()).toBe(first);
        return first;
      },
    },
    {
      endpoint,
      situation: 'no AppID',
      source: '§5',
      errcode: 41002,
      terms: { ...terms, appid: '' },
      fails: ['wechat_misconfigured', /set WX_APPID/],
    },
    {
      endpoint,
      situation: 'no AppSecret',
      source: '§5',
      errcode: 41004,
      terms: { ...terms, secret: '' },
      fails: ['wechat_misconfigured', /set WX_SECRET/],
    },
    {
      endpoint,
      situation: 'an AppID that nobody has',
      source: '§5',
      errcode: 40013,
      terms: { ...terms, appid: 'wx0000000000000000' },
      fails: ['wechat_misconfigured', /mend WX_APPID/],
    },
    {
      endpoint,
      situation: 'another AppSecret',
      source: '§5',
      errcode: 40125,
      terms: { ...terms, secret: 'ab'.repeat(16) },
      fails: ['wechat_misconfigured', /mend WX_SECRET/],
    },
    {
      endpoint,
      situation: 'an address that is not in the whitelist',
      source: '§5',
      errcode: 40164,
      arrange: ({ sandbox }) => setApp(sandbox, { ipWhitelist: ['203.0.113.7'] }),
      fails: ['wechat_misconfigured', /invalid ip 127\.0\.0\.1 .*IP whitelist/],
    },
    {
      endpoint,
      situation: 'a frozen AppSecret',
      source: '§5',
      errcode: 40243,
      arrange: ({ sandbox }) => setApp(sandbox, { secretFrozen: true }),
      fails: ['wechat_misconfigured', /AppSecret is frozen/],
    },
    {
      endpoint,
      situation: 'the limit of a day',
      source: '§5',
      errcode: 45009,
      ...answers(endpoint, 45009),
      fails: ['wechat_rate_limited', /limit per day/],
    },
    {
      endpoint,
      situation: 'an AppSecret refused as a credential',
      source: 'our choice',
      errcode: 40001,
      ...answers(endpoint, 40001),
      fails: ['wechat_misconfigured', /mend WX_SECRET/],
    },
    {
      endpoint,
      situation: 'another grant_type, which the client never sends',
      source: 'our choice',
      errcode: 40002,
      ...answers(endpoint, 40002),
      fails: UNKNOWN,
    },
  ];
});

const stable: Row[] = [
  {
    endpoint: 'stable_token',
    situation: 'somebody else has a token',
    source: '§5',
    gives: ({ sandbox }) => sandbox.accessToken(),
  },
  {
    endpoint: 'stable_token',
    situation: 'its last five minutes',
    source: '§5',
    asked: 2, // the test asks for the old one
    async call({ sandbox, client }) {
      const old = await sandbox.accessToken();
      keepSecret(old);
      sandbox.advance(116 * MINUTE);
      return (await client.getAccessToken()) === old;
    },
    gives: () => false,
  },
  {
    endpoint: 'stable_token',
    situation: 'checkApp, all is well',
    source: '§5',
    call: ({ client }) => client.checkApp(),
    gives: () => ({ errcode: 0, errmsg: '', serverTime: expect.any(Date) }),
  },
  ...(
    [
      [40125, { secret: 'ab'.repeat(16) }, /invalid appsecret/, /WX_SECRET/],
      [40013, { appid: 'wx0000000000000000' }, /invalid appid/, /WX_APPID/],
    ] as const
  ).map(
    ([errcode, terms, errmsg, hint]): Row => ({
      endpoint: 'stable_token',
      situation: `checkApp with ${Object.keys(terms)} wrong`,
      source: '§5',
      errcode,
      terms,
      call: ({ client }) => client.checkApp(),
      gives: () => ({
        errcode,
        errmsg: expect.stringMatching(errmsg),
        code: 'wechat_misconfigured',
        hint: expect.stringMatching(hint),
        serverTime: expect.any(Date),
      }),
    }),
  ),
];

/** What all of them do about the access_token. */
const withToken = (
  [
    ['getuserphonenumber', '§4'],
    ['checkencryptedmsg', 'our choice'],
    ['checksession', '§6'],
    ['resetusersessionkey', '§6'],
    ['msg_sec_check', '§7'],
    ['media_check_async', '§7'],
  ] as const
).flatMap(([endpoint, source]): Row[] => {
  const refusedTwice = ['wechat_unavailable', /a new access_token was refused too/] as const;
  return [
    { endpoint, situation: 'all is well', source },
    {
      endpoint,
      situation: 'the token was ended by a forced refresh',
      source: '§5',
      asked: 2,
      terms: { handed: async (sandbox) => (await endedTokens(sandbox)).slice(0, 1) },
    },
    {
      endpoint,
      situation: 'so was the next one',
      source: '§5',
      errcode: 40001,
      asked: 2,
      terms: { handed: endedTokens },
      fails: refusedTwice,
    },
    {
      endpoint,
      situation: 'a plain token, ended five minutes ago by somebody who fetched another',
      source: '§5',
      asked: 2,
      terms: { tokenMode: 'plain' },
      async arrange({ sandbox, client }) {
        await client.getAccessToken();
        await plainToken(sandbox);
        sandbox.advance(5 * MINUTE);
      },
    },
    {
      endpoint,
      situation: 'a plain token, ended by somebody less than five minutes ago',
      source: '§5',
      terms: { tokenMode: 'plain' },
      async arrange({ sandbox, client }) {
        await client.getAccessToken();
        await plainToken(sandbox);
        sandbox.advance(5 * MINUTE - 1);
      },
    },
    {
      endpoint,
      situation: 'the token’s two hours are over',
      source: '§5',
      asked: 2,
      terms: { handed: async (sandbox) => (await expiredTokens(sandbox)).slice(0, 1) },
    },
    {
      endpoint,
      situation: 'so are the next one’s',
      source: '§5',
      errcode: 42001,
      asked: 2,
      terms: { handed: expiredTokens },
      fails: refusedTwice,
    },
    {
      endpoint,
      situation: 'a token that never was one',
      source: '§5',
      asked: 2,
      terms: { handed: async () => ['nonsense-that-is-long-enough'] },
    },
    {
      endpoint,
      situation: 'two that never were tokens',
      source: '§5',
      errcode: 40014,
      asked: 2,
      terms: { handed: async () => ['nonsense-that-is-long-enough', 'other-nonsense-as-long'] },
      fails: refusedTwice,
    },
    {
      endpoint,
      situation: 'a proxy that cuts the query off',
      source: 'our choice',
      errcode: 41001,
      ...answers(endpoint, 41001),
      fails: ['wechat_misconfigured', /access_token got lost/],
    },
    {
      endpoint,
      situation: 'an app that may not use this API',
      source: 'our choice',
      errcode: 48001,
      ...answers(endpoint, 48001),
      fails: ['wechat_misconfigured', /may not use this API/],
    },
    {
      endpoint,
      situation: 'the AppSecret is frozen: the token lives on',
      source: 'our choice',
      async arrange({ sandbox, client }) {
        await client.getAccessToken();
        await setApp(sandbox, { secretFrozen: true });
      },
    },
    {
      endpoint,
      situation: 'the address is not in the whitelist, which fetching the token comes to',
      source: '§5',
      asked: 0,
      arrange: ({ sandbox }) => setApp(sandbox, { ipWhitelist: ['203.0.113.7'] }),
      fails: ['wechat_misconfigured', /WeChat answered 40164 .*IP whitelist/],
    },
  ];
});

const phone: Row[] = [
  {
    endpoint: 'getuserphonenumber',
    situation: 'without naming the user',
    source: '§4',
    call: ({ sandbox, client }) => client.getUserPhoneNumber(phoneCode(sandbox)),
  },
  {
    endpoint: 'getuserphonenumber',
    situation: 'a code that nobody made',
    source: '§4',
    errcode: 40029,
    call: ({ client, ada }) => client.getUserPhoneNumber('f'.repeat(64), ada.openid),
    fails: ['phone_code_invalid', /\(invalid code hint: \[[A-Za-z]{9}-[A-Za-z]{6}\] rid: .*works once/],
  },
  {
    endpoint: 'getuserphonenumber',
    situation: 'a code older than five minutes',
    source: '§4',
    errcode: 40029,
    async call({ sandbox, client, ada }) {
      const code = phoneCode(sandbox);
      sandbox.advance(5 * MINUTE + 1);
      return client.getUserPhoneNumber(code, ada.openid);
    },
    fails: ['phone_code_invalid', /for 5 minutes/],
  },
  {
    endpoint: 'getuserphonenumber',
    situation: 'a code in the last moment of its five minutes',
    source: '§4',
    async call({ sandbox, client, ada }) {
      const code = phoneCode(sandbox);
      sandbox.advance(5 * MINUTE);
      return client.getUserPhoneNumber(code, ada.openid);
    },
  },
  {
    endpoint: 'getuserphonenumber',
    situation: 'a code that was used',
    source: '§4',
    errcode: 40029,
    asked: 2,
    async call({ sandbox, client, ada }) {
      const code = phoneCode(sandbox);
      await client.getUserPhoneNumber(code, ada.openid);
      return client.getUserPhoneNumber(code, ada.openid);
    },
    fails: ['phone_code_invalid', /works once/],
  },
  {
    endpoint: 'getuserphonenumber',
    situation: 'a used code by the login’s errcode',
    source: 'our choice',
    errcode: 40163,
    ...answers('getuserphonenumber', 40163),
    fails: ['phone_code_invalid', /works once/],
  },
  {
    endpoint: 'getuserphonenumber',
    situation: 'a code of wx.login',
    source: '§4',
    errcode: 40029,
    call: ({ sandbox, client, ada }) => client.getUserPhoneNumber(loginCode(sandbox), ada.openid),
    fails: ['phone_code_expected', /invalid code/],
  },
  {
    endpoint: 'getuserphonenumber',
    situation: 'a code of another mini program',
    source: '§4',
    errcode: 40013,
    async call({ sandbox, client, ada }) {
      const tap = { user: 'Ada', appid: SANDBOX_APPID };
      const { body } = await sandbox.ask('POST', '/wx/getPhoneNumber', tap);
      return client.getUserPhoneNumber(body.code, ada.openid);
    },
    fails: ['phone_code_invalid', /another mini program than WX_APPID/],
  },
  {
    endpoint: 'getuserphonenumber',
    situation: 'a code of another user',
    source: 'our choice',
    errcode: 40003,
    call: ({ sandbox, client, ada }) => client.getUserPhoneNumber(phoneCode(sandbox, 'Bob'), ada.openid),
    fails: ['phone_code_invalid', /another user/],
  },
  {
    endpoint: 'getuserphonenumber',
    situation: 'no code',
    source: 'our choice',
    errcode: 47001,
    call: ({ client }) => client.getUserPhoneNumber(''),
    fails: ['phone_code_invalid', /not the form/],
  },
];

const genuine: Row[] = [
  {
    endpoint: 'checkencryptedmsg',
    situation: 'data in the last moment of its three days',
    source: 'documented',
    async call({ sandbox, client }) {
      const data = phoneData(sandbox);
      sandbox.advance(3 * 24 * 60 * MINUTE);
      return client.checkEncryptedData(data);
    },
    gives: () => new Date('2026-03-01T04:00:00Z'),
  },
  {
    endpoint: 'checkencryptedmsg',
    situation: 'data older than three days',
    source: 'documented',
    errcode: 1,
    async call({ sandbox, client }) {
      const data = phoneData(sandbox);
      sandbox.advance(3 * 24 * 60 * MINUTE + 1);
      return client.checkEncryptedData(data);
    },
    gives: () => undefined,
  },
  {
    endpoint: 'checkencryptedmsg',
    situation: 'data that WeChat never made',
    source: 'documented',
    errcode: 1,
    call: ({ client }) => client.checkEncryptedData('A'.repeat(64)),
    gives: () => undefined,
  },
  {
    endpoint: 'checkencryptedmsg',
    situation: 'the data of a profile',
    source: 'documented',
    errcode: 1,
    call: ({ sandbox, client }) => client.checkEncryptedData(sandbox.wx.getUserProfile('Ada').encryptedData),
    gives: () => undefined,
  },
  {
    endpoint: 'checkencryptedmsg',
    situation: 'data of another mini program',
    source: 'documented',
    errcode: 1,
    async call({ sandbox, client }) {
      const tap = { user: 'Ada', appid: SANDBOX_APPID };
      const { body } = await sandbox.ask('POST', '/wx/getPhoneNumber', tap);
      return client.checkEncryptedData(body.encryptedData);
    },
    gives: () => undefined,
  },
  {
    endpoint: 'checkencryptedmsg',
    situation: 'a hash that is none',
    source: 'documented',
    errcode: 40097,
    ...answers('checkencryptedmsg', 40097),
    fails: ['wechat_misconfigured', /\(invalid args rid: .*encrypted_msg_hash got lost/],
  },
];

/** Whose openid it is, where one is sent. */
const openids = (
  [
    ['checksession', 'our choice'],
    ['resetusersessionkey', 'our choice'],
    ['msg_sec_check', 'WeChat’s forum'],
    ['media_check_async', 'WeChat’s forum'],
  ] as const
).flatMap(([endpoint, source]): Row[] => [
  {
    endpoint,
    situation: 'an openid that nobody has',
    source,
    errcode: 40003,
    call: (meeting) => wellMeant[endpoint]({ ...meeting, ada: { ...meeting.ada, openid: NOBODY } }),
    fails: ['wechat_misconfigured', /openid is not of WX_APPID/],
  },
  {
    endpoint,
    situation: 'an openid of another mini program',
    source,
    errcode: 43104,
    async call(meeting) {
      const openid = await openidElsewhere(meeting.sandbox);
      return wellMeant[endpoint]({ ...meeting, ada: { ...meeting.ada, openid } });
    },
    fails: ['wechat_misconfigured', /openid is not of WX_APPID/],
  },
]);

const sessionKeys: Row[] = [
  {
    endpoint: 'checksession',
    situation: 'a session_key that a later login replaced',
    source: '§6',
    errcode: 87009,
    arrange: replaceKey,
    gives: () => false,
  },
  {
    endpoint: 'checksession',
    situation: 'a session_key that is over',
    source: 'our choice',
    errcode: 87007,
    arrange: ({ sandbox }) => sandbox.ask('DELETE', '/control/sessions/Ada'),
    gives: () => false,
  },
  {
    endpoint: 'checksession',
    situation: 'a proxy that cuts the query off',
    source: 'our choice',
    errcode: 87008,
    ...answers('checksession', 87008),
    fails: ['wechat_misconfigured', /sig_method got lost/],
  },
  {
    endpoint: 'resetusersessionkey',
    situation: 'the key it gave before',
    source: '§6',
    asked: 2,
    async call({ client, ada: { openid, session_key } }) {
      const fresh = await client.resetUserSessionKey(openid, session_key);
      return [
        fresh === session_key,
        await client.checkSessionKey(openid, fresh),
        await client.checkSessionKey(openid, session_key),
        (await client.resetUserSessionKey(openid, fresh)) === fresh,
      ];
    },
    gives: () => [false, true, false, false],
  },
  {
    endpoint: 'resetusersessionkey',
    situation: 'a session_key that a later login replaced',
    source: '§6',
    errcode: 87009,
    arrange: replaceKey,
    fails: ['wechat_session_over', /\(invalid signature rid: /],
  },
  {
    endpoint: 'resetusersessionkey',
    situation: 'a session_key that is over',
    source: '§6',
    errcode: 87007,
    arrange: ({ sandbox }) => sandbox.ask('DELETE', '/control/sessions/Ada'),
    fails: ['wechat_session_over', /87007/],
  },
  {
    endpoint: 'resetusersessionkey',
    situation: 'a proxy that cuts the query off',
    source: '§6',
    errcode: 87008,
    ...answers('resetusersessionkey', 87008),
    fails: ['wechat_misconfigured', /sig_method got lost/],
  },
];

const VERDICTS = [
  ['你好', 'pass', 100],
  ['test-review', 'review', 21_000],
  ...[10_001, 20_001, 20_002, 20_003, 20_006, 20_008, 20_012, 20_013, 21_000].map(
    (label) => [`test-risky-${label}`, 'risky', label] as const,
  ),
] as const;

const content: Row[] = [
  ...VERDICTS.map(
    ([text, suggest, label]): Row => ({
      endpoint: 'msg_sec_check',
      situation: `a text found ${suggest}, label ${label}`,
      source: '§7',
      call: ({ client, ada: { openid } }) => client.msgSecCheck({ content: text, openid, scene: 'comment' }),
      gives: found(suggest, label),
    }),
  ),
  {
    endpoint: 'msg_sec_check',
    situation: 'a nickname beside it',
    source: '§7',
    call: ({ client, ada: { openid } }) =>
      client.msgSecCheck({ content: '你好', openid, scene: 'profile', nickname: 'test-risky-20002' }),
    gives: found('risky', 20_002),
  },
  {
    endpoint: 'msg_sec_check',
    situation: '2500 characters',
    source: '§7',
    call: ({ client, ada: { openid } }) =>
      client.msgSecCheck({ content: '𝄞'.repeat(2500), openid, scene: 'social' }),
    gives: found('pass', 100),
  },
  {
    endpoint: 'msg_sec_check',
    situation: '2501 characters, which the caller may not send',
    source: 'our choice',
    errcode: 45002,
    call: ({ client, ada: { openid } }) =>
      client.msgSecCheck({ content: 'x'.repeat(2501), openid, scene: 'forum' }),
    fails: UNKNOWN,
  },
  {
    endpoint: 'msg_sec_check',
    situation: 'another scene, which the client never sends',
    source: 'our choice',
    errcode: 40129,
    ...answers('msg_sec_check', 40129),
    fails: UNKNOWN,
  },
  {
    endpoint: 'msg_sec_check',
    situation: 'a user who left two hours ago',
    source: '§7',
    errcode: 61010,
    arrange: ({ sandbox }) => sandbox.advance(120 * MINUTE + 1),
    fails: ['wechat_user_inactive', /\(code is expired rid: .*within the last two hours/],
  },
  {
    endpoint: 'media_check_async',
    situation: 'a user who left two hours ago',
    source: 'our choice',
    errcode: 61010,
    arrange: ({ sandbox }) => sandbox.advance(120 * MINUTE + 1),
    fails: ['wechat_user_inactive', /\(code is expired rid: .*within the last two hours/],
  },
  {
    endpoint: 'media_check_async',
    situation: 'the verdict is pushed under the trace_id that it gives',
    source: '§7',
    async call({ client, sandbox, ada: { openid } }) {
      const trace = await client.mediaCheckAsync({
        mediaUrl: 'https://example.com/test-risky-20002.png',
        openid,
        scene: 'profile',
      });
      const [{ message }] = (await sandbox.ask('GET', '/control/pushes')).body;
      return [message.Event, message.trace_id === trace, message.result];
    },
    gives: () => ['wxa_media_check', true, { suggest: 'risky', label: 20_002 }],
  },
];

/** What any endpoint may answer. §1, §4 and §5 say it of theirs. */
const anywhere = endpoints.flatMap(({ name: endpoint, path }): Row[] => {
  const source = sourceOfBusy(path);
  return [
    {
      endpoint,
      situation: 'WeChat is busy once',
      source,
      asked: 2,
      ...answers(endpoint, -1, 1),
    },
    {
      endpoint,
      situation: 'WeChat is busy',
      source,
      errcode: -1,
      asked: 2,
      ...answers(endpoint, -1),
      fails: ['wechat_unavailable', /\(system error rid: .*WeChat is busy/],
    },
    {
      endpoint,
      situation: 'the limit of a minute',
      source,
      errcode: 45011,
      ...answers(endpoint, 45011),
      fails: ['wechat_rate_limited', /limit per minute/],
    },
    ...[43_001, 43_002, 44_002].map(
      (errcode): Row => ({
        endpoint,
        situation: `${errcode}, which the client gives no cause for`,
        source: 'our choice',
        errcode,
        ...answers(endpoint, errcode),
        fails: UNKNOWN,
      }),
    ),
  ];
});

function sourceOfBusy(path: string): Source {
  if (path.startsWith('/sns/')) return '§1 documented';
  if (path.startsWith('/cgi-bin/')) return '§5';
  return path.endsWith('getuserphonenumber') ? '§4' : 'our choice';
}

async function replaceKey({ sandbox }: Meeting) {
  const { code } = sandbox.wx.login('Ada', { rotate: true });
  await sandbox.session(code);
}

async function openidElsewhere(sandbox: TestSandbox): Promise<string> {
  const { appid, secret } = { appid: SANDBOX_APPID, secret: sandbox.secret };
  const { body } = await sandbox.ask('POST', '/wx/login', { user: 'Ada', appid });
  return (await sandbox.session(body.code, { appid, secret })).openid;
}

/** The whole contract. */
export const contract: readonly Row[] = [
  ...login,
  ...tokens,
  ...stable,
  ...withToken,
  ...phone,
  ...genuine,
  ...openids,
  ...sessionKeys,
  ...content,
  ...anywhere,
];
