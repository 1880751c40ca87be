import { expect, test } from 'vitest';
import { z } from 'zod';
import { ConfigError, loadConfig } from '../src/config.ts';
import type { Issue } from '../src/errors.ts';
import * as requests from '../src/handlers/requests.ts';
import { toIssues } from '../src/issues.ts';
import * as control from '../src/sandbox/control-requests.ts';
import { environment } from '../src/settings.ts';
import { startApp } from './support/app.ts';

/** Every schema of a request, with the fields that it has. */
const schemas: Record<string, [z.ZodType, string[]]> = {
  login: [
    requests.loginRequest,
    ['code', 'loginCode', 'phoneCode', 'encryptedData', 'iv', 'signature', 'appid', 'rawData', 'userInfo'],
  ],
  'login on Cloud Run': [requests.cloudLoginRequest, ['phoneCode', 'rawData']],
  profile: [requests.profileRequest(() => false), ['nickName', 'avatar', 'gender']],
  'Koa login': [requests.codeRequest, ['code', 'appid']],
  'Koa login on Cloud Run': [requests.cloudCodeRequest, ['appid']],
  logout: [requests.logoutRequest, ['all']],
  phone: [requests.phoneRequest, ['code', 'encryptedData', 'iv']],
  'sandbox user': [control.userRequest, ['profile', 'nickName', 'avatarUrl', 'gender', 'phone', 'blocked']],
  'sandbox fault': [
    control.faultRequest,
    ['endpoint', 'errcode', 'errmsg', 'delayMs', 'status', 'hang', 'times', 'probability', 'body'],
  ],
  'sandbox clock': [control.clockRequest, ['advanceMs']],
  'sandbox settings': [control.settingsRequest, ['rotateAtLogin', 'mediaCheckDelayMs']],
  'sandbox app': [control.appRequest, ['secret', 'secretFrozen', 'ipWhitelist']],
  'sandbox callback': [control.callbackRequest, ['url', 'token', 'encodingAESKey', 'mode', 'verify']],
  'sandbox event': [control.eventRequest, ['event', 'user', 'appid', 'revokeInfo']],
};

const BODIES = [undefined, null, '', 'x', 5, true, [], [{}], {}];
const VALUES = [
  ...BODIES,
  ' ',
  'undefined',
  'null',
  '[object Object]',
  'a b',
  '中文',
  '\0',
  'x'.repeat(20_000),
  1.5,
  -1,
  1e21,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  false,
  ['a', 'b'],
  Array.from({ length: 200 }, () => 'a'),
  { a: 1 },
];

/** What zod says by itself, what nobody understands, and what quotes an expression or a value of somebody's. */
const FOREIGN =
  /数值|字符串：|无效输入|无效选项|正则|[Ee]xpected|received|[Tt]oo (?:small|big)|[Ii]nvalid|pattern|\/\^|>=|<=|undefined$|\[object|NaN|xxx/;

test('no text of an issue is zod’s own: each says what is wrong and what to send, in both languages', () => {
  const seen = new Set<string>();
  for (const [name, [schema, fields]] of Object.entries(schemas)) {
    const bodies = [
      ...BODIES.map((body) => body ?? {}),
      ...fields.flatMap((field) => VALUES.map((value) => ({ [field]: value }))),
    ];
    for (const body of bodies)
      for (const { path, message } of issuesOf(schema, body)) {
        const what = `${name}, ${path}: ${message.zh} | ${message.en}`;
        seen.add(what);
        expect(message.zh.replaceAll('[object Object]', ''), what).not.toMatch(FOREIGN);
        expect(message.en.replaceAll('[object Object]', ''), what).not.toMatch(FOREIGN);
        expect(message.zh, what).toMatch(/\p{sc=Han}/u);
        expect(message.en, what).toMatch(/^[a-z]/);
      }
  }
  expect(seen.size).toBeGreaterThan(80);
});

function issuesOf(schema: z.ZodType, body: unknown): Issue[] {
  const { error } = schema.safeParse(body, { reportInput: true });
  return error ? toIssues(error) : [];
}

test.each<[string, z.ZodType, unknown, string, string]>([
  ['an empty text', z.string().min(1), '', '不能为空', 'must not be empty'],
  ['a short text', z.string().min(3), 'a', '最少 3 个字符', 'must have at least 3 characters'],
  ['a long text', z.string().max(3), 'abcd', '最多 3 个字符', 'must have at most 3 characters'],
  ['a small number', z.number().min(0), -1, '不能小于 0', 'must be at least 0'],
  ['a large number', z.number().max(2), 3, '不能大于 2', 'must be at most 2'],
  ['a long list', z.array(z.string()).max(1), ['a', 'b'], '最多 1 项', 'must have at most 1 items'],
  ['a text for a number', z.number(), '5', '必须是数字，不能是文本', 'must be a number, not a text'],
  ['null', z.string(), null, '必须是文本，不能是 null', 'must be a text, not null'],
  ['a list', z.string(), ['a'], '必须是文本，不能是数组', 'must be a text, not a list'],
  ['a fraction', z.int(), 1.5, '必须是整数', 'must be a whole number'],
  ['one of some', z.literal([0, 1, 2]), 9, '必须是以下之一：0、1、2', 'must be one of 0, 1, 2'],
  [
    'neither of two',
    z.union([z.string(), z.object({})]),
    5,
    '必须是文本或对象，不能是数字',
    'must be a text or an object, not a number',
  ],
  ['no address', z.ipv4(), 'x', '必须是 IP 地址', 'must be an IP address'],
  ['another form', z.string().regex(/^a$/), 'b', '格式不正确', 'does not have the right form'],
  ['nothing', z.string(), undefined, '缺少该字段', 'is missing'],
  [
    'what is left over',
    z.strictObject({}),
    { a: 1, '<b>': 2 },
    '有无法识别的字段：a',
    'has unknown fields: a',
  ],
])('%s', (_name, schema, value, zh, en) => {
  expect(issuesOf(schema, value)).toEqual([{ path: 'body', message: { zh, en } }]);
});

test.each<[string, object, RegExp, RegExp]>([
  ['nothing', {}, /^缺失或为空：.*wx\.login.*res\.code$/, /^is missing: send the res\.code of wx\.login$/],
  ['an empty text', { code: '' }, /^缺失或为空/, /^is missing/],
  ['blanks', { code: '  ' }, /^缺失或为空/, /^is missing/],
  ['null', { code: null }, /^缺失或为空/, /^is missing/],
  ['undefined as a text', { code: 'undefined' }, /^缺失或为空/, /^is missing/],
  ['the whole res', { code: { code: '0a' } }, /^是对象.*res\.code$/, /^is an object.*send res\.code alone$/],
  ['the whole res as a text', { code: '[object Object]' }, /^是对象/, /^is an object/],
  ['two', { code: ['a', 'b'] }, /^必须是文本，不能是数组$/, /^must be a text, not a list$/],
  ['a number', { code: 5 }, /^必须是文本，不能是数字$/, /^must be a text, not a number$/],
  ['a long text', { code: 'a'.repeat(129) }, /^最多 128 个字符/, /^must have at most 128 characters/],
  ['another text', { code: '中文' }, /^只能包含字母/, /^can have letters/],
])('a code that is %s: one sentence that says what to send', async (_name, body, zh, en) => {
  for (const schema of [requests.loginRequest, requests.codeRequest]) {
    const [issue, ...others] = issuesOf(schema, body);
    expect(others).toEqual([]);
    expect(issue).toMatchObject({
      path: 'code',
      message: { zh: expect.stringMatching(zh), en: expect.stringMatching(en) },
    });
  }
});

test('over HTTP: an empty code in both languages; a quoted or URL-encoded one is taken', async () => {
  const app = await startApp();
  for (const [language, text] of [
    ['zh-CN', /^缺失或为空/],
    ['en', /^is missing/],
  ] as const) {
    const { body } = await app.call('POST', '/api/wxuser', { code: '' }, { 'Accept-Language': language });
    expect(body).toMatchObject({ status: 400, code: 'invalid_request', issues: [{ path: 'code' }] });
    expect(body.issues[0].message).toMatch(text);
  }
  for (const damage of [
    JSON.stringify,
    encodeURIComponent,
    (code: string) => ` ${code}\n`,
    (code: string) => encodeURIComponent(`"${code}"`),
  ]) {
    const { code = '' } = await app.button({ user: 'Ada' });
    expect((await app.call('POST', '/api/wxuser', { code: damage(code) })).status).toBe(200);
  }
});

test('what is wrong with a setting is said in our words, without its value', () => {
  const values = [
    'x',
    '-1',
    '0',
    '1.5',
    '999999999999',
    'a b',
    'x'.repeat(300),
    '{}',
    'http://',
    'true1',
    '张',
  ];
  for (const name of Object.keys(environment.shape))
    for (const value of values) {
      const problems = problemsOf({ [name]: value }).filter((problem) => problem.startsWith(name));
      for (const problem of problems) expect(problem).not.toMatch(FOREIGN);
    }
  expect(problemsOf({ PORT: '70000', LOGIN_RATE_LIMIT: '0', LOG_LEVEL: 'loud' })).toEqual(
    expect.arrayContaining([
      'PORT must be at most 65535',
      'LOGIN_RATE_LIMIT must be at least 1',
      'LOG_LEVEL must be one of fatal, error, warn, info, debug, silent',
    ]),
  );
});

function problemsOf(env: Record<string, string>): readonly string[] {
  try {
    loadConfig(env);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}
