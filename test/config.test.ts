import { describe, expect, test } from 'vitest';
import { parseAvatarStore } from '../src/avatar-store-url.ts';
import { ConfigError, loadConfig } from '../src/config.ts';
import { parseMysqlUrl } from '../src/database-url.ts';
import { parseRedisUrl } from '../src/redis-url.ts';

const SECRET = 'k8Zq3vN1xR7tY5uW2mP9sD4fG6hJ0aBc';
const REAL = { WX_APPID: 'wx0123456789abcdef', WX_SECRET: 'ab'.repeat(16), JWT_SECRET: SECRET };
const TOKEN = 'S3sbN6k1NHhwX6ZDc2nMBGRc';
const AES_KEY = 'X9yi7v3FYwuwxXXk5s14N5Nr3ELg3oiRDfJuqkT6Tan';
const APP = `${REAL.WX_APPID}:${REAL.WX_SECRET}`;

function problemsOf(env: Record<string, string>): readonly string[] {
  try {
    loadConfig(env);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}

test('nothing set: the sandbox, on loopback, with the embedded database', () => {
  expect(loadConfig({})).toMatchObject({
    sandbox: true,
    host: '127.0.0.1',
    port: 8888,
    databaseUrl: 'sqlite:./data/weapp-login.db',
    apps: [{ appid: 'wxsandbox000000000' }],
    wechat: { profileStrict: false, trustedCloudHeaders: undefined, phoneCheckOpenid: false },
    jwt: { lifetimeSeconds: 604_800, issuer: 'weapp-login' },
  });
});

test('a real app listens on every address and asks the real WeChat', () => {
  const config = loadConfig(REAL);
  expect(config).toMatchObject({
    sandbox: false,
    apps: [{ appid: REAL.WX_APPID, secret: REAL.WX_SECRET }],
    wechat: { apiBase: 'https://api.weixin.qq.com' },
  });
  expect(config.host).toBeUndefined();
});

test('an empty value counts as not set', () => {
  expect(loadConfig({ WX_APPID: '', PORT: ' ', JWT_SECRET: '' })).toMatchObject({
    sandbox: true,
    port: 8888,
  });
});

describe('other names in use', () => {
  test('WX_APPSECRET', () => {
    const { WX_SECRET, ...rest } = REAL;
    expect(loadConfig({ ...rest, WX_APPSECRET: WX_SECRET }).apps[0].secret).toBe(WX_SECRET);
  });

  test('MYSQL_HOST … MYSQL_DATABASE, with a password that needs escaping', () => {
    const env = {
      MYSQL_HOST: 'db.example.com',
      MYSQL_PORT: '3307',
      MYSQL_USER: 'we',
      MYSQL_PASSWORD: 'p@ss/w:rd?#%',
      MYSQL_DATABASE: 'weapp',
    };
    const url = new URL(loadConfig(env).databaseUrl);
    expect(parseMysqlUrl(url.href)).toMatchObject({
      user: 'we',
      password: 'p@ss/w:rd?#%',
      database: 'weapp',
    });
    expect([url.host, url.pathname, decodeURIComponent(url.username)]).toEqual([
      'db.example.com:3307',
      '/weapp',
      'we',
    ]);
    expect(decodeURIComponent(url.password)).toBe('p@ss/w:rd?#%');
  });

  test('MYSQL_HOST may be an IPv6 address', () => {
    expect(loadConfig({ MYSQL_HOST: '::1', MYSQL_DATABASE: 'd' }).databaseUrl).toBe(
      'mysql://root:@[::1]:3306/d',
    );
  });

  test('DATABASE_URL comes first', () => {
    expect(
      loadConfig({ DATABASE_URL: 'sqlite:x.db', MYSQL_HOST: 'h', MYSQL_DATABASE: 'd' }).databaseUrl,
    ).toBe('sqlite:x.db');
  });
});

test('what Kubernetes sets for a Service named mysql stops no start', () => {
  const env = { MYSQL_PORT: 'tcp://10.0.0.1:3306', MYSQL_SERVICE_HOST: '10.0.0.1' };
  expect(loadConfig(env).databaseUrl).toMatch(/^sqlite:/);
});

test.each(['sqlite:http://example.com/x', 'sqlite:libsql://x', 'sqlite:file:./x.db'])(
  '%s is no path',
  (url) => {
    expect(() => loadConfig({ DATABASE_URL: url })).toThrow(
      'DATABASE_URL must be sqlite:<file>, the path alone',
    );
  },
);

test.each([
  ['2 proxies', '2', 2],
  ['none, said on purpose', '0', 0],
  ['as many as there may be', '10', 10],
  ['named proxies', 'loopback, 10.0.0.0/8', ['loopback', '10.0.0.0/8']],
  [
    'addresses and networks',
    '203.0.113.7,2001:db8::/32,::ffff:10.0.0.0/104',
    ['203.0.113.7', '2001:db8::/32', '::ffff:10.0.0.0/104'],
  ],
  [
    'in whatever spelling',
    '64:ff9b::1.2.3.4, 2001:DB8:0:0::1, fe80::1%eth0, 10.0.0.0/08, 2002:a00::/24',
    ['64:ff9b::102:304', '2001:db8::1', 'fe80::1', '10.0.0.0/8', '2002:a00::/24'],
  ],
])('TRUST_PROXY: %s', (_name, setting, expected) => {
  expect(loadConfig({ TRUST_PROXY: setting }).trustProxy).toEqual(expected);
});

test('one pair of Cloud Run’s headers may be trusted, never both', () => {
  const [plain, from] = ['WX_TRUST_CLOUD_HEADERS', 'WX_TRUST_CLOUD_FROM_HEADERS'];
  const trusted = (env: object) => loadConfig({ ...REAL, ...env }).wechat.trustedCloudHeaders;
  expect(trusted({ [plain]: 'true', [from]: 'false' })).toBe('X-WX');
  expect(trusted({ [plain]: 'false', [from]: 'true' })).toBe('X-WX-FROM');
  expect(trusted({ [plain]: 'false' })).toBeUndefined();
  expect(problemsOf({ ...REAL, [plain]: 'true', [from]: 'true' })).toEqual([
    expect.stringMatching(
      /^WX_TRUST_CLOUD_HEADERS and WX_TRUST_CLOUD_FROM_HEADERS are both set: set the second alone/,
    ),
  ]);
});

test('every problem is reported at once and by name', () => {
  const problems = problemsOf({
    PORT: 'eighty',
    DATABASE_URL: 'postgres://h/d',
    WX_APPID: 'wxABC',
    WX_SECRET: 'short',
    WX_API_BASE: 'ftp://x',
    WX_TIMEOUT_MS: '1',
    WX_PROFILE_STRICT: 'perhaps',
    JWT_SECRET: 'short',
    JWT_PREVIOUS_SECRETS: `${SECRET},tiny`,
    JWT_EXPIRES_IN: 'soon',
    LOG_LEVEL: 'loud',
    LOGIN_RATE_LIMIT: '-1',
    TRUST_PROXY: 'true',
    MYSQL_PORT: '70000',
    PUBLIC_URL: 'login.example.com',
    AVATAR_STORE: '/data/avatars',
    AVATAR_MAX_BYTES: '5MB',
  });
  const names = problems.map((problem) => problem.split(' ')[0]);
  expect(names.toSorted()).toEqual(
    [
      'AVATAR_MAX_BYTES',
      'AVATAR_STORE',
      'DATABASE_URL',
      'JWT_EXPIRES_IN',
      'JWT_PREVIOUS_SECRETS',
      'JWT_SECRET',
      'LOGIN_RATE_LIMIT',
      'LOG_LEVEL',
      'MYSQL_PORT',
      'PORT',
      'PUBLIC_URL',
      'TRUST_PROXY',
      'WX_APPID',
      'WX_API_BASE',
      'WX_PROFILE_STRICT',
      'WX_SECRET',
      'WX_TIMEOUT_MS',
    ].toSorted(),
  );
});

test.each([
  [
    'production without an app',
    { NODE_ENV: 'production' },
    /^WX_APPID is not set.*production.*Set WX_APPID and WX_SECRET/,
  ],
  ['a misspelt production without an app', { NODE_ENV: 'Production' }, /^WX_APPID is not set/],
  ['staging without an app', { NODE_ENV: 'staging' }, /^WX_APPID is not set.*NODE_ENV=staging/],
  ['an unknown proxy', { TRUST_PROXY: 'my-proxy' }, /^TRUST_PROXY must be the number/],
  ['trusting everybody', { TRUST_PROXY: 'TRUE' }, /^TRUST_PROXY must be the number/],
  ...['0.0.0.0/0', '0.0.0.0/1', '128.0.0.0/7', '10.0.0.1, 0.0.0.0/0'].map((wide) => [
    `a network of proxies that is everybody (${wide})`,
    { TRUST_PROXY: wide },
    /^TRUST_PROXY trusts too many: everybody in \S+ could claim any address.* at most a \/8 /,
  ]),
  ...['3000::/4', 'fc00::/7'].map((wide) => [
    `a network of proxies that is everybody (${wide})`,
    { TRUST_PROXY: wide },
    /^TRUST_PROXY trusts too many.* at most a \/16 .*uniquelocal/,
  ]),
  ...['::/0', '::ffff:0:0/96', '::ffff:10.0.0.0/103', '::/80', '::/16'].map((wide) => [
    `all of IPv4 in another spelling (${wide})`,
    { TRUST_PROXY: wide },
    /^TRUST_PROXY trusts too many.* at most a \/104 /,
  ]),
  ...(
    [
      ['64:ff9b::/96', 104],
      ['64:ff9b:1::/48', 104],
      ['64:ff9b::1.2.3.4/100', 104],
      ['2002::/16', 24],
      ['2002:a00::/23', 24],
      ['2001::/32', 40],
      ['2000::/3', 40],
    ] as const
  ).map(
    ([wide, least]) =>
      [
        `all of IPv4 through a translation (${wide})`,
        { TRUST_PROXY: wide },
        new RegExp(`^TRUST_PROXY trusts too many: everybody in ${wide} .* at most a /${least} `),
      ] as const,
  ),
  ...['::1.2.3.4', '10.0.0.1,::1.2.3.4/120'].map((unread) => [
    `an address that Express cannot read (${unread})`,
    { TRUST_PROXY: unread },
    /^TRUST_PROXY has ::1\.2\.3\.4\S*, which is not understood: it must be the number/,
  ]),
  ...['11', '9'.repeat(30)].map((hops) => [
    `more proxies than anybody has (${hops})`,
    { TRUST_PROXY: hops },
    /^TRUST_PROXY counts more than 10 proxies: .*clients choose their own address/,
  ]),
  ...['10.0.0.0/33', '10.0.0.0/', '10.0.0.0/255.0.0.0', '10.0.0.0/8/8', '-1', '1,'].map((no) => [
    `a network that is none (${no})`,
    { TRUST_PROXY: no },
    /^TRUST_PROXY must be the number/,
  ]),
  [
    'a port in MYSQL_HOST',
    { MYSQL_HOST: 'db:3307', MYSQL_DATABASE: 'd' },
    /^MYSQL_HOST, MYSQL_DATABASE make a URL/,
  ],
  [
    'a database URL with an unknown option',
    { DATABASE_URL: 'mysql://u@h/d?useSSL=1' },
    /^DATABASE_URL has an option it does not know \(useSSL\)/,
  ],
  [
    'a database URL with a wrong ssl-mode',
    { DATABASE_URL: 'mysql://u@h/d?ssl-mode=ON' },
    /^DATABASE_URL has a wrong option: ssl-mode/,
  ],
  [
    'a Redis URL of another kind',
    { REDIS_URL: 'http://h:6379' },
    /^REDIS_URL must be redis:\/\/user:password@host:6379\/0/,
  ],
  [
    'Sentinels without a master',
    { REDIS_URL: 'redis-sentinel://h' },
    /^REDIS_URL must be .*redis-sentinel:\/\/host1,host2,host3\/mymaster/,
  ],
  ['a Cluster with a database', { REDIS_URL: 'redis-cluster://h/1' }, /^REDIS_URL must be /],
  [
    'two hosts that are no Cluster',
    { REDIS_URL: 'redis://h1,h2' },
    /^REDIS_URL names several hosts: write redis-cluster:\/\/ or redis-sentinel:\/\//,
  ],
  [
    'a Redis URL with an unknown option',
    { REDIS_URL: 'redis://h?retry=1' },
    /^REDIS_URL has an option it does not know \(retry\)/,
  ],
  [
    'a Redis CA without TLS',
    { REDIS_URL: 'redis://h?ssl-ca=/ca.pem' },
    /^REDIS_URL has .*ssl-ca.* write rediss/,
  ],
  ['a Redis prefix with braces', { REDIS_URL: 'redis://h?prefix={a}' }, /^REDIS_URL .*prefix must not hold/],
  ['a Redis port that is none', { REDIS_URL: 'redis://h:65536' }, /^REDIS_URL names a port .* 65536/],
  ['a Redis password with a bare %', { REDIS_URL: 'redis://:50%@h' }, /^REDIS_URL has a % .* as %25/],
  [
    'a database port that is none',
    { DATABASE_URL: 'mysql://h:99999/d' },
    /^DATABASE_URL names a port .* 99999/,
  ],
  [
    'a database password with a bare %',
    { DATABASE_URL: 'mysql://u:5%@h/d' },
    /^DATABASE_URL has a % .* as %25/,
  ],
  ['a Redis CA that is not there', { REDIS_URL: 'rediss://h?ssl-ca=/no/such/file' }, /^REDIS_URL ENOENT/],
  [
    'WX_APPS without secrets',
    { WX_APPS: REAL.WX_APPID, JWT_SECRET: SECRET },
    /^WX_APPS must be <AppID>:<AppSecret>/,
  ],
  [
    'an app twice in WX_APPS',
    { WX_APPS: `${APP},${APP}`, JWT_SECRET: SECRET },
    /^WX_APPS must be .* each AppID once/,
  ],
  ['WX_APPS beside WX_APPID', { ...REAL, WX_APPS: APP }, /^WX_APPS is set, and WX_APPID or WX_SECRET too/],
  ['WX_APPS without JWT_SECRET', { WX_APPS: APP }, /^JWT_SECRET is not set/],
  [
    'a WeChat address with a query',
    { WX_API_BASE: 'https://x.example/?a=1' },
    /^WX_API_BASE must be an address/,
  ],
  [
    'a store of pictures without a bucket',
    { AVATAR_STORE: 's3://k:s@host' },
    /^AVATAR_STORE must be file:<folder> or s3:/,
  ],
  [
    'a store of pictures with an unknown option',
    { AVATAR_STORE: 's3://k:s@host/bucket?acl=public' },
    /^AVATAR_STORE has an option it does not know \(acl\)/,
  ],
  [
    'a store of pictures with a wrong style',
    { AVATAR_STORE: 's3://k:s@host/bucket?style=toString' },
    /^AVATAR_STORE has a wrong option: style/,
  ],
  [
    'a store of pictures with a wrong public address',
    { AVATAR_STORE: 's3://k:s@host/bucket?public-url=cdn.example.com' },
    /^AVATAR_STORE has a wrong option: public-url/,
  ],
  [
    'a public address with a query',
    { PUBLIC_URL: 'https://x.example/?a=1' },
    /^PUBLIC_URL must be an address/,
  ],
  [
    'the placeholder of README',
    { ...REAL, JWT_SECRET: 'paste-here-what-weapp-login-keygen-prints' },
    /published/,
  ],
  [
    'the former placeholder of README',
    { ...REAL, JWT_SECRET: 'paste-here-what-openssl-rand-base64-48-prints' },
    /published/,
  ],
  [
    'a placeholder in brackets',
    { ...REAL, JWT_SECRET: '<put 32 or more random bytes in here>' },
    /published/,
  ],
  ['an app without its secret', { WX_APPID: REAL.WX_APPID, JWT_SECRET: SECRET }, /^WX_SECRET is not set/],
  ['a secret without its app', { WX_SECRET: REAL.WX_SECRET }, /^WX_APPID is not set, but WX_SECRET is/],
  ['an app without JWT_SECRET', { ...REAL, JWT_SECRET: '' }, /^JWT_SECRET is not set: make one with/],
  [
    'the sandbox’s appid as a real one',
    { ...REAL, WX_APPID: 'wxsandbox000000000' },
    /^WX_APPID must be wx and 16 hex/,
  ],
  ['a short secret', { ...REAL, JWT_SECRET: 'x1y2z3' }, /^JWT_SECRET must have at least 32 bytes/],
  ['the tutorial’s secret', { ...REAL, JWT_SECRET: 'advance8' }, /^JWT_SECRET is a published example/],
  [
    'the secret of our own example',
    { ...REAL, JWT_SECRET: 'change-me-to-a-random-string-of-32-bytes-or-more' },
    /published/,
  ],
  ['jwt.io’s secret', { ...REAL, JWT_SECRET: 'a-string-secret-at-least-256-bits-long' }, /published/],
  ['a long secret of few characters', { ...REAL, JWT_SECRET: 'ab'.repeat(30) }, /repeats itself/],
  [
    'a published former secret',
    { ...REAL, JWT_PREVIOUS_SECRETS: 'nWYonjfIAvQUSqtdbm/7d8fQubaia7FTfStfUNSQ, advance8' },
    /^JWT_PREVIOUS_SECRETS \(number 2\) is a published/,
  ],
  [
    'an AES key without a callback',
    { WX_CALLBACK_AES_KEY: AES_KEY },
    /^WX_CALLBACK_TOKEN is not set, but WX_CALLBACK_AES_KEY is/,
  ],
  ['a token that can be guessed', { WX_CALLBACK_TOKEN: 'weixin' }, /^WX_CALLBACK_TOKEN must be 16 to 32/],
  [
    'an AES key of 42 characters',
    { WX_CALLBACK_TOKEN: TOKEN, WX_CALLBACK_AES_KEY: AES_KEY.slice(1) },
    /^WX_CALLBACK_AES_KEY must be 43/,
  ],
  [
    'a content check without a callback',
    { WX_CONTENT_CHECK: 'yes', PUBLIC_URL: 'https://login.example.com' },
    /^WX_CALLBACK_TOKEN is not set, but WX_CONTENT_CHECK is/,
  ],
  [
    'a content check of pictures that have no address',
    { ...REAL, WX_CONTENT_CHECK: 'true', WX_CALLBACK_TOKEN: TOKEN },
    /^PUBLIC_URL is not set, but WX_CONTENT_CHECK is/,
  ],
  ['an idle limit of a minute', { SESSION_IDLE: '60' }, /^SESSION_IDLE must be at least 10 minutes/],
  [
    'a session that is remembered longer than half of its idle limit',
    { SESSION_IDLE: '10m', SESSION_CACHE_SECONDS: '301' },
    /^SESSION_CACHE_SECONDS is more than half of SESSION_IDLE/,
  ],
  ['MYSQL_HOST alone', { MYSQL_HOST: 'h' }, /^MYSQL_HOST and MYSQL_DATABASE go together/],
  ['a life of 10 seconds', { JWT_EXPIRES_IN: '10' }, /^JWT_EXPIRES_IN must be at least 60 seconds/],
] as [string, Record<string, string>, RegExp][])('%s is refused', (_name, env, expected) => {
  const problems = problemsOf(env);
  expect(problems).toHaveLength(1);
  expect(problems[0]).toMatch(expected);
});

test.each([
  ['in the sandbox, which knows its own address', {}],
  ['of pictures in a folder', { ...REAL, PUBLIC_URL: 'https://login.example.com' }],
  ['of pictures in an S3 store', { ...REAL, AVATAR_STORE: 's3://key:secret@s3.example.com/bucket' }],
])('a content check %s is taken', (_name, env) => {
  const on = { WX_CONTENT_CHECK: 'true', WX_CALLBACK_TOKEN: TOKEN };
  expect(loadConfig({ ...on, ...env }).wechat.contentCheck).toBe(true);
  expect(loadConfig({ ...env, WX_CONTENT_CHECK: 'no' }).wechat.contentCheck).toBe(false);
});

test('several apps are read, and are no sandbox', () => {
  const other = `wx${'f'.repeat(16)}:${'e'.repeat(32)}`;
  expect(
    loadConfig({ NODE_ENV: 'production', WX_APPS: `${APP}, ${other}`, JWT_SECRET: SECRET }),
  ).toMatchObject({
    sandbox: false,
    apps: [
      { appid: REAL.WX_APPID, secret: REAL.WX_SECRET },
      { appid: `wx${'f'.repeat(16)}`, secret: 'e'.repeat(32) },
    ],
  });
});

test('a secret is never printed, however wrong it is', () => {
  const env = {
    WX_APPID: 'bad-appid-77',
    WX_SECRET: 'bad-secret-77',
    JWT_SECRET: 'bad-77',
    JWT_PREVIOUS_SECRETS: 'old-77',
    DATABASE_URL: 'mysql://u:pass-77@h',
    REDIS_URL: 'redis://:pass-77@h1,h2',
    WX_APPS: 'wx-77:secret-77',
    AVATAR_STORE: 's3://key-77:secret-77@h/bucket?style=no',
    MYSQL_PASSWORD: 'pw-77',
    WX_CALLBACK_TOKEN: 'callback-77',
    WX_CALLBACK_AES_KEY: 'aes-77',
  };
  expect(problemsOf(env).join('\n')).not.toContain('77');
  expect(problemsOf(env).length).toBeGreaterThan(3);
});

test('a database URL names hosts and options', () => {
  const url =
    'mysql://u:p%40ss@one:3307,[2001:db8::1]:3308,three.example/weapp?connections=20&timeout=500&ssl-mode=VERIFY_IDENTITY';
  expect(parseMysqlUrl(url)).toEqual({
    hosts: [
      { host: 'one', port: 3307 },
      { host: '2001:db8::1', port: 3308 },
      { host: 'three.example', port: 3306 },
    ],
    user: 'u',
    password: 'p@ss',
    database: 'weapp',
    connections: 20,
    timeoutMs: 500,
    ssl: { minVersion: 'TLSv1.2', rejectUnauthorized: true, verifyIdentity: true },
  });
});

test.each([
  [
    'rediss://ada:p%40ss@cache.example:6380/3?timeout=500&prefix=shop:',
    {
      kind: 'server',
      hosts: [{ host: 'cache.example', port: 6380 }],
      user: 'ada',
      password: 'p@ss',
      database: 3,
      tls: { ca: undefined },
      timeoutMs: 500,
      prefix: 'shop:',
    },
  ],
  [
    'redis-cluster://:secret@one,two:7001,[2001:db8::1]',
    {
      kind: 'cluster',
      hosts: [
        { host: 'one', port: 6379 },
        { host: 'two', port: 7001 },
        { host: '2001:db8::1', port: 6379 },
      ],
      password: 'secret',
      database: 0,
      tls: undefined,
      timeoutMs: 2000,
      prefix: 'weapp-login:',
    },
  ],
  [
    'redis-sentinel://:secret@one,two:26380/mymaster/2?sentinel-password=other',
    {
      kind: 'sentinel',
      hosts: [
        { host: 'one', port: 26_379 },
        { host: 'two', port: 26_380 },
      ],
      password: 'secret',
      sentinelPassword: 'other',
      master: 'mymaster',
      database: 2,
    },
  ],
])('a Redis URL is read: %s', (url, address) => {
  expect(parseRedisUrl(url)).toMatchObject(address);
});

test.each([
  ['file:./data/avatars', { kind: 'folder', folder: './data/avatars' }],
  ['file:///srv/avatars', { kind: 'folder', folder: '/srv/avatars' }],
  [
    's3://AKID:se%2Fcr%2Bet@cos.ap-guangzhou.myqcloud.com/faces-1250000000?region=ap-guangzhou',
    {
      kind: 's3',
      keyId: 'AKID',
      secret: 'se/cr+et',
      region: 'ap-guangzhou',
      objects: 'https://faces-1250000000.cos.ap-guangzhou.myqcloud.com',
      publicUrl: 'https://faces-1250000000.cos.ap-guangzhou.myqcloud.com',
      timeoutMs: 5000,
    },
  ],
  [
    's3+http://minio:secret@10.0.0.5:9000/faces/app?style=path&public-url=https://cdn.example.com/f/',
    {
      region: 'us-east-1',
      objects: 'http://10.0.0.5:9000/faces/app',
      publicUrl: 'https://cdn.example.com/f',
    },
  ],
])('a store of pictures is read: %s', (url, address) => {
  expect(parseAvatarStore(url)).toMatchObject(address);
});

test.each([
  ['sqlite:/srv/weapp/users.db', '/srv/weapp/avatars'],
  ['sqlite::memory:', 'data/avatars'],
  ['mysql://h/d', 'data/avatars'],
])('without a setting pictures go beside the embedded database: %s', (DATABASE_URL, folder) => {
  expect(loadConfig({ DATABASE_URL }).avatars.store).toEqual({ kind: 'folder', folder });
});
