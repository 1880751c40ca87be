import { createHash, randomBytes, randomInt, randomUUID } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { ConfigError, loadConfig } from '../src/config.ts';
import { PUBLISHED_SECRETS } from '../src/secrets/published.ts';
import { run } from './support/process.ts';

const SECRET = 'nWYonjfIAvQUSqtdbm/7d8fQubaia7FTfStfUNSQ';
const LETTERS = 'abcdefghijklmnopqrstuvwxyz';
const DIGITS = '0123456789';

function problemsOf(env: Record<string, string>): readonly string[] {
  try {
    loadConfig(env);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}

/** The problem that there must be, without the value. */
function problemOf(name: string, value: string, others: Record<string, string> = {}): string {
  const token = { WX_CALLBACK_TOKEN: 'S3sbN6k1NHhwX6ZDc2nMBGRc' };
  const problems = problemsOf({ ...(name === 'WX_CALLBACK_AES_KEY' && token), ...others, [name]: value });
  expect(problems, value).toHaveLength(1);
  expect(problems[0]).not.toContain(value);
  return problems[0] ?? '';
}

const backwards = (text: string) => [...text].reverse().join('');
const base64 = (text: string | Uint8Array) => Buffer.from(text).toString('base64');
const hex = (text: string | Uint8Array) => Buffer.from(text).toString('hex');
const counting = Uint8Array.from({ length: 32 }, (_, i) => i);
const JWT_IO = 'a-string-secret-at-least-256-bits-long';

test.each([
  ['eight letters four times', 'abcdefgh'.repeat(4)],
  ['them with another end', `${'abcdefgh'.repeat(4)}X9kq`],
  ['one character', 'f'.repeat(64)],
  ['a number three times', '13800138000'.repeat(3)],
  ['every character twice', 'aabbccddeeffgghhiijjkkllmmnnoopp'],
  ['every character four times', 'aaaabbbbccccddddeeeeffffgggghhhh'],
  ['a doubled password', 'Abcdefgh12345678Abcdefgh12345678'],
  ['the same second', '2024-01-01T00:00:00Z2024-01-01T00'],
])('a repetition is refused: %s', (_name, secret) => {
  expect(problemOf('JWT_SECRET', secret)).toMatch(
    /^JWT_SECRET (?:repeats itself|is a sequence|is made of).*: make one with `npx weapp-login keygen`$/,
  );
});

test.each([
  ['the alphabet', LETTERS + DIGITS],
  ['the alphabet backwards', backwards(LETTERS + DIGITS)],
  ['digits', DIGITS.repeat(4)],
  ['hex digits', '0123456789abcdef'.repeat(2)],
  ['doubled hex digits', '00112233445566778899aabbccddeeff'.repeat(2)],
  ['rows of the keyboard', 'qwertyuiopasdfghjklzxcvbnm123456'],
  ['columns of the keyboard', '1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9'],
  ['letters and digits in turn', 'a1b2c3d4e5f6g7h8i9j0k1l2m3n4o5p6'],
  ['bytes that count, in hex', hex(counting)],
  ['bytes that count, in base64', base64(counting)],
  ['bytes of zero', base64(new Uint8Array(32))],
  ['words in hex', 'deadbeefcafebabe0badf00ddeadbeef'],
])('a sequence is refused: %s', (_name, secret) => {
  expect(problemOf('JWT_SECRET', secret)).toMatch(/^JWT_SECRET .*: make one with /);
});

test.each([
  ['a sentence', 'thisisaverylongsecretkeythatnobodywouldguess'],
  ['a name with a year', 'MySuperSecretKeyForJwtTokenSigning2024!'],
  ['what the setting is called', 'weapplogin-production-jwt-secret-2024'],
  ['a password with digits for letters', 'p@ssw0rdP@ssw0rdp4ssw0rdPassw0rd'],
])('words are refused: %s', (_name, secret) => {
  expect(problemOf('JWT_SECRET', secret)).toMatch(/^JWT_SECRET .*: make one with /);
});

test.each([
  ['a Chinese sentence', '我的公司的密钥是一二三'],
  ['a poem', '床前明月光疑是地上霜举头望明月'],
  ['Cyrillic', 'мойсекретныйключ'],
  ['emoji', '🐶🐱🐭🐹🐰🦊🐻🐼'],
  ['an English sentence', 'correct horse battery staple is my secret'],
  ['a blank among random characters', `${SECRET.slice(0, 20)} ${SECRET.slice(20)}`],
  ['a control character', `${SECRET}\u0007`],
  ['a Chinese sentence in base64', base64('我的公司的密钥是一二三四五')],
  ['it in hex', hex('我的公司的密钥是一二三四五')],
  ['it in base64, cut off', base64('我的公司的密钥是一二三四五').slice(0, 43)],
  ['an English sentence in base64', base64('my company secret key for jwt tokens')],
])('what no generator makes is refused: %s', (_name, secret) => {
  expect(problemOf('JWT_SECRET', secret)).toBe(
    'JWT_SECRET must be letters, digits and signs without blanks, as a generator makes them: make one with `npx weapp-login keygen`',
  );
});

const digest = (algorithm: string, text: string, encoding: 'hex' | 'base64' | 'base64url' = 'hex') =>
  createHash(algorithm).update(text).digest(encoding);

test.each([
  ['MD5 of a number', digest('md5', '123456')],
  ['MD5 of nothing', digest('md5', '')],
  ['MD5 in capitals', digest('md5', 'admin').toUpperCase()],
  ['MD5 of an MD5', digest('md5', digest('md5', '123456'))],
  ['two MD5', digest('md5', '123456') + digest('md5', 'weapp')],
  ['SHA-1', digest('sha1', 'password')],
  ['SHA-256', digest('sha256', 'secret')],
  ['SHA-256 of nothing', digest('sha256', '')],
  ['SHA-256 cut off', digest('sha256', 'password').slice(0, 32)],
  ['SHA-256 in base64', digest('sha256', 'secret', 'base64')],
  ['SHA-256 in base64url', digest('sha256', 'dragon', 'base64url')],
  ['SHA-512', digest('sha512', 'password')],
  ['SHA-512 behind a prefix', `prod-${digest('sha512', 'token')}`],
  ['an MD5 in hex, in base64', base64(digest('md5', '123456'))],
  ['of a published secret', digest('sha256', JWT_IO)],
])('a digest of a common word is refused: %s', (_name, secret) => {
  expect(problemOf('JWT_SECRET', secret)).toMatch(/^JWT_SECRET is a digest of a common word: make one with /);
});

test.each([digest('md5', '123456').slice(0, 16), digest('md5', 'admin').slice(8, 24), digest('md5', 'root')])(
  'a digest is no token of the callback: %s',
  (token) => {
    expect(problemOf('WX_CALLBACK_TOKEN', token)).toMatch(/^WX_CALLBACK_TOKEN is a digest/);
  },
);

test.each([
  ['base64 behind a prefix', `base64:${base64('SomeLaravelAppKeyForTests')}`],
  ['base64 behind a dash', `jwt-${base64('SomeLaravelAppKeyForTests')}`],
  ['hex behind a prefix', `0x${hex('SomeLaravelAppKeyForTests')}`],
  ['a token’s header', base64('{"alg":"HS256","typ":"JWT"}')],
  ['a token', `${base64('{"alg":"HS256"}')}.${base64('{"sub":"1"}')}.${SECRET}`],
  ['a key file', '-----BEGIN-PRIVATE-KEY-----MIIEvQIBADANBg'],
  ['a public key', 'MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKB'],
  ['what Django comes with', 'django-insecure-my-secret-key-for-dev-only-123'],
])('what is encoded or from another place is refused: %s', (_name, secret) => {
  expect(problemOf('JWT_SECRET', secret)).toMatch(/^JWT_SECRET is .*: make one with /);
});

test.each(PUBLISHED_SECRETS)('a published secret is refused however it is dressed up: %s', (published) => {
  for (const secret of [
    published,
    `  ${published} `,
    published.toUpperCase(),
    published + published,
    `${published}.${published}.${published}`,
    `${published}1234!`,
    `prod-${published}-2024`,
    backwards(published),
    base64(published),
    hex(published),
    base64(published + published),
  ]) {
    expect(problemOf('JWT_SECRET', secret.trim()), secret).toMatch(/published example/);
  }
});

test('a published secret under another one’s separators, or cut short, is refused', () => {
  expect(problemOf('JWT_SECRET', JWT_IO.replaceAll('-', '_'))).toMatch(/published/);
  expect(problemOf('JWT_SECRET', JWT_IO.slice(0, 34))).toMatch(/published/);
  expect(problemOf('JWT_PREVIOUS_SECRETS', `${SECRET}, ${JWT_IO}`)).toMatch(
    /^JWT_PREVIOUS_SECRETS \(number 2\) is a published/,
  );
});

test.each(['abcdefghij0123456789', 'TestTokenOfTheMessagePush01', 'weixinlogintoken', 'a1a1a1a1a1a1a1a1'])(
  'the token of the callback is judged too: %s',
  (token) => {
    expect(problemOf('WX_CALLBACK_TOKEN', token)).toMatch(
      /^WX_CALLBACK_TOKEN .*: make one with `npx weapp-login keygen callback`$/,
    );
  },
);

test.each([
  `${LETTERS}${DIGITS}ABCDEFG`,
  'a'.repeat(43),
  'jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C',
  'TheEncodingAESKeyOfOurMessagePushServer2024',
])('and its AES key: %s', (key) => {
  expect(problemOf('WX_CALLBACK_AES_KEY', key)).toMatch(/^WX_CALLBACK_AES_KEY .*keygen callback/);
});

test('no secret that stands in our documents is taken', () => {
  const root = new URL('../', import.meta.url);
  const files = ['', 'docs/', 'postman/', 'miniprogram/session/'].flatMap((folder) =>
    readdirSync(new URL(folder, root))
      .filter((name) => /\.(?:md|json|example|ts)$/.test(name))
      .map((name) => folder + name),
  );
  const texts = files
    .filter((name) => !name.includes('lock'))
    .concat('src/settings.ts')
    .map((name) => readFileSync(new URL(name, root), 'utf8'));
  const candidates = new Set(
    texts
      .flatMap((text) => [...text.matchAll(/(?<![\w/])(?:[A-Z_]+=)?([\w+=-]{16,})(?![\w/])/g)])
      .map(([, found = '']) => found),
  );
  const random = [...candidates].filter((found) => /\d/.test(found) && /[a-z]/i.test(found));
  expect(random.length).toBeGreaterThan(20);
  for (const found of random) {
    if (found.length >= 32) problemOf('JWT_SECRET', found);
    if (/^[A-Za-z0-9]{16,32}$/.test(found)) problemOf('WX_CALLBACK_TOKEN', found);
    if (/^[A-Za-z0-9]{43}$/.test(found)) problemOf('WX_CALLBACK_AES_KEY', found);
  }
});

test.each([
  [
    'WX_SECRET',
    { WX_APPID: 'wx4f4bc4dec97d474b', WX_SECRET: '3f1e8d3c4b5a69788796a5b4c3d2e1f7' },
    '3f1e8d3c4b5a69788796a5b4c3d2e1f7',
  ],
  [
    'WX_APPS',
    { WX_APPS: 'wx4f4bc4dec97d474b:3f1e8d3c4b5a69788796a5b4c3d2e1f7' },
    '3f1e8d3c4b5a69788796a5b4c3d2e1f7-and-more',
  ],
  [
    'DATABASE_URL',
    { DATABASE_URL: 'mysql://u:qEdFBfwXFPaeoyQl%2F4JPTjss7QL5VXap4sHHYWn@h/d' },
    'qEdFBfwXFPaeoyQl/4JPTjss7QL5VXap4sHHYWn',
  ],
  [
    'MYSQL_PASSWORD',
    { MYSQL_HOST: 'h', MYSQL_DATABASE: 'd', MYSQL_PASSWORD: 'qEdFBfwXFPaeoyQl' },
    'qEdFBfwXFPaeoyQl'.repeat(2),
  ],
  [
    'REDIS_URL',
    { REDIS_URL: 'redis://:qEdFBfwXFPaeoyQl4JPTjss7QL5VXap4@h' },
    backwards('qEdFBfwXFPaeoyQl4JPTjss7QL5VXap4'),
  ],
  [
    'AVATAR_STORE',
    { AVATAR_STORE: 's3://key:qEdFBfwXFPaeoyQl4JPTjss7QL5VXap4@h/bucket' },
    base64('qEdFBfwXFPaeoyQl4JPTjss7QL5VXap4'),
  ],
] as [string, Record<string, string>, string][])(
  'the value of %s is no JWT_SECRET',
  (name, others, secret) => {
    expect(problemOf('JWT_SECRET', secret, others)).toMatch(
      new RegExp(`^JWT_SECRET has the value of ${name} in it, and each needs its own`),
    );
  },
);

test('two secrets are not the same', () => {
  const [token, key] = ['S3sbN6k1NHhwX6ZDc2nMBGRc', 'X9yi7v3FYwuwxXXk5s14N5Nr3ELg3oiRDfJuqkT6Tan'];
  expect(problemOf('WX_CALLBACK_TOKEN', token, { JWT_SECRET: `${token}/4bPdSgVkYp` })).toMatch(
    /^WX_CALLBACK_TOKEN has the value of JWT_SECRET/,
  );
  expect(problemOf('WX_CALLBACK_AES_KEY', key, { JWT_SECRET: key })).toMatch(
    /^WX_CALLBACK_AES_KEY has the value of JWT_SECRET/,
  );
  expect(problemOf('JWT_PREVIOUS_SECRETS', SECRET, { JWT_SECRET: SECRET })).toMatch(
    /^JWT_PREVIOUS_SECRETS \(number 1\) has the value of JWT_SECRET/,
  );
});

const pick = (length: number, of: string) => Array.from({ length }, () => of[randomInt(of.length)]).join('');
const ALL = LETTERS + LETTERS.toUpperCase() + DIGITS;

test.each([
  ['JWT_SECRET', '32 hex digits', () => randomBytes(16).toString('hex')],
  ['JWT_SECRET', '48 hex digits', () => randomBytes(24).toString('hex')],
  ['JWT_SECRET', '64 hex digits', () => randomBytes(32).toString('hex')],
  ['JWT_SECRET', '96 hex digits in capitals', () => randomBytes(48).toString('hex').toUpperCase()],
  ['JWT_SECRET', '24 bytes in base64', () => randomBytes(24).toString('base64')],
  ['JWT_SECRET', '32 bytes in base64url', () => randomBytes(32).toString('base64url')],
  ['JWT_SECRET', '48 bytes in base64, as keygen makes them', () => randomBytes(48).toString('base64')],
  ['JWT_SECRET', 'a UUID', () => randomUUID()],
  ['JWT_SECRET', '32 characters of the keyboard', () => pick(32, `${ALL}!@#$%^&*()_+-[]{};:,./?~`)],
  ['WX_CALLBACK_TOKEN', '16 letters and digits', () => pick(16, ALL)],
  ['WX_CALLBACK_TOKEN', '16 small letters and digits', () => pick(16, LETTERS + DIGITS)],
  ['WX_CALLBACK_TOKEN', '16 hex digits', () => randomBytes(8).toString('hex')],
  ['WX_CALLBACK_TOKEN', '32 letters and digits', () => pick(32, ALL)],
  ['WX_CALLBACK_AES_KEY', '43 letters and digits', () => pick(43, ALL)],
] as [string, string, () => string][])(
  'a random %s is never refused: %s',
  (name, _what, make) => {
    const token = name === 'WX_CALLBACK_AES_KEY' ? { WX_CALLBACK_TOKEN: 'S3sbN6k1NHhwX6ZDc2nMBGRc' } : {};
    for (let i = 0; i < 150; i++) {
      const value = make();
      expect(problemsOf({ ...token, [name]: value }), value).toEqual([]);
    }
  },
  60_000,
);

test('a secret of 100,000 characters is judged as fast', () => {
  const started = performance.now();
  expect(problemsOf({ JWT_SECRET: randomBytes(50_000).toString('hex') })).toEqual([]);
  problemOf('JWT_SECRET', 'abcdefgh'.repeat(12_500));
  expect(performance.now() - started).toBeLessThan(5000);
});

test('without secrets nothing is loaded to judge them', async () => {
  const start = `import('${new URL('../dist/config.js', import.meta.url)}').then(({ loadConfig }) => {
    loadConfig({});
    const { cache } = process.getBuiltinModule('module').createRequire(import.meta.url);
    console.log(Object.keys(cache).filter((file) => file.includes('zxcvbn')).length);
  })`;
  const node = run([], {}, undefined, {
    wrapper: [process.execPath, '--input-type=module', '-e', start, '--'],
  });
  expect(await node.ended).toBe(0);
  expect(node.output()).toBe('0\n');
});

test('keygen callback makes both, and they are taken', async () => {
  const made = run(['keygen', 'callback'], {}, undefined, { private: true });
  expect(await made.ended).toBe(0);
  const [, token = '', key = ''] =
    /^WX_CALLBACK_TOKEN=([A-Za-z0-9]{32})\nWX_CALLBACK_AES_KEY=([A-Za-z0-9]{43})\n$/.exec(made.output()) ??
    [];
  expect(loadConfig({ WX_CALLBACK_TOKEN: token, WX_CALLBACK_AES_KEY: key }).callback).toEqual({
    token,
    aesKey: key,
  });
});
