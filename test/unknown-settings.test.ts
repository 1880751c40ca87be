import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, inject, test } from 'vitest';
import { ConfigError, loadConfig } from '../src/config.ts';
import { examineSettings } from '../src/doctor/settings.ts';
import { editDistance } from '../src/edit-distance.ts';
import { JWT_SECRET, realSettings, startApp } from './support/app.ts';
import { run, runServer } from './support/process.ts';

const REAL = realSettings('http://127.0.0.1:9');

function problemsOf(env: Record<string, string>): readonly string[] {
  try {
    loadConfig(env);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}

describe('a misspelt setting stops the start, and is named with the one that was meant', () => {
  test.each([
    ['WX_APP_ID', 'WX_APPID'],
    ['wx_appid', 'WX_APPID'],
    ['WXAPPID', 'WX_APPID'],
    ['WX_APPIDD', 'WX_APPID'],
    ['WX_APPDI', 'WX_APPID'],
    ['XW_APPID', 'WX_APPID'],
    ['WX_APP_SECRET', 'WX_SECRET'],
    ['WX_SECERT', 'WX_SECRET'],
    ['JWT_SECRETT', 'JWT_SECRET'],
    ['JWT_SERCET', 'JWT_SECRET'],
    ['JTW_SECRET', 'JWT_SECRET'],
    ['JwtSecret', 'JWT_SECRET'],
    ['DATABASE_ULR', 'DATABASE_URL'],
    ['DATABASEURL', 'DATABASE_URL'],
    ['DATBASE_URL', 'DATABASE_URL'],
    ['REDIS_ULR', 'REDIS_URL'],
    ['TRUSTPROXY', 'TRUST_PROXY'],
    ['TRUST_PROXYS', 'TRUST_PROXY'],
    ['NODE_EVN', 'NODE_ENV'],
    ['NODEENV', 'NODE_ENV'],
    ['SESSON_LIMIT', 'SESSION_LIMIT'],
    ['PUBLIC_ULR', 'PUBLIC_URL'],
    ['AVATAR_MAXBYTES', 'AVATAR_MAX_BYTES'],
    ['AVATAR_STORAGE', 'AVATAR_STORE'],
  ])('%s', (name, meant) => {
    expect(problemsOf({ [name]: 'a-value-77' })).toEqual([
      `${name} is no setting: ${meant} is meant, and it is not set`,
    ]);
  });

  test('not where the right one is set too, or another one in its place, or nothing is said', () => {
    expect(problemsOf({ ...REAL, WX_APP_ID: 'x', JWT_SECRETT: 'x', WX_APP_SECRET: 'x' })).toEqual([]);
    const { WX_APPID, WX_SECRET } = REAL;
    const several = { WX_APPS: `${WX_APPID}:${WX_SECRET}`, JWT_SECRET };
    expect(problemsOf({ ...several, WX_APP_ID: 'x' })).toEqual([]);
    expect(problemsOf({ WX_APP_ID: ' ', JWT_SECRETT: '' })).toEqual([]);
    const { WX_SECRET: _, ...rest } = REAL;
    expect(problemsOf({ ...rest, WX_APPSECRET: WX_SECRET ?? '', WX_APP_SECRET: 'x' })).toEqual([]);
  });

  test('every name that another program sets starts all the same, and is not spoken of', () => {
    const others = {
      ...{
        SESSION_MANAGER: 'local/x',
        XDG_SESSION_ID: '1',
        DBUS_SESSION_BUS_ADDRESS: 'unix:x',
        HOSTNAME: 'h',
      },
      ...{ MYSQL_ROOT_PASSWORD: 'x', MYSQL_SERVICE_HOST: '10.0.0.1', MYSQL_HOME: '/etc', MYSQL_PWD: 'x' },
      ...{ MYSQL_TCP_PORT: '3306', MYSQL_PORT_3306_TCP: 'tcp://10.0.0.1:3306', MYSQL_URL: 'mysql://h/d' },
      ...{
        REDIS_PORT: 'tcp://10.0.0.1:6379',
        REDIS_SERVICE_HOST: '10.0.0.1',
        REDIS_URI: 'redis://h',
        REDIS_TLS_URL: 'x',
      },
      ...{ DATABASE_URI: 'x', DATABASE_PRIVATE_URL: 'x', DATABASE_PUBLIC_URL: 'x', PUBLIC_URI: 'x' },
      ...{
        CBR_ENV_ID: 'x',
        NODE_OPTIONS: '--x',
        NODE_PATH: '/x',
        NODE_EXTRA_CA_CERTS: '/x',
        NODE_HOME: '/x',
      },
      ...{
        LOGNAME: 'ada',
        LOG_FORMAT: 'json',
        LOG_DIR: '/var',
        npm_config_loglevel: 'x',
        http_proxy: 'http://x',
        host: 'x',
      },
    };
    expect(
      problemsOf({ ...others, MYSQL_ADDRESS: '10.0.0.1:3306', MYSQL_USERNAME: 'root', MYSQL_DATABASE: 'd' }),
    ).toEqual([]);
    expect(loadConfig(others).warnings).toEqual([]);
  });
});

describe('another name with a prefix of ours is a warning', () => {
  test.each([
    ['WX_TOKEN', undefined],
    ['WX_API_URL', 'WX_API_BASE'],
    ['WX_MP_APPID', 'WX_APPID'],
    ['JWT_SECRET_KEY', 'JWT_SECRET'],
    ['JWT_EXPIRES', 'JWT_EXPIRES_IN'],
    ['TRUST_PROXIES', 'TRUST_PROXY'],
  ])('%s', (name, near) => {
    const { warnings } = loadConfig({ [name]: 'a-value-77' });
    const meant = near ? `: the nearest name is ${near}` : expect.anything();
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain(`${name} is no setting and has no effect`);
    if (near) expect(warnings[0]).toContain(meant);
    expect(warnings[0]).not.toContain('77');
  });

  test('of a prefix that others have too, where it stands in our file', () => {
    const env = { SESSION_TTL: '1', REDIS_PORT: '1', MYSQLHOST: 'h' };
    expect(loadConfig(env).warnings).toEqual([
      'MYSQLHOST is no setting and has no effect: the nearest name is MYSQL_HOST',
    ]);
    expect(loadConfig(env, ['SESSION_TTL']).warnings).toHaveLength(2);
  });

  test.each([
    'APPID',
    'APP_ID',
    'APP_SECRET',
    'WECHAT_APPID',
    'WECHAT_APP_ID',
    'WECHAT_SECRET',
    'WECHAT_APP_SECRET',
    'WEAPP_APPID',
    'WEAPP_SECRET',
    'MINI_PROGRAM_APPID',
    'MINIPROGRAM_APP_SECRET',
    'WECHAT_MINI_PROGRAM_APPID',
    'MINIAPP_APPID',
    'MP_APPID',
    'weixin_appid',
  ])('%s, of a mini program, while there is no WX_APPID', async (name) => {
    const [warning, ...more] = loadConfig({ [name]: 'a-value-77' }).warnings;
    expect(warning).toMatch(
      new RegExp(`^${name} is no setting of this server, and WX_APPID is not set: .*WX_SECRET`),
    );
    expect([warning, more]).toEqual([expect.not.stringContaining('77'), []]);
    expect(loadConfig({ ...REAL, [name]: 'x' }).warnings).toEqual([]);
    const { WX_APPID, WX_SECRET } = REAL;
    expect(loadConfig({ WX_APPS: `${WX_APPID}:${WX_SECRET}`, JWT_SECRET, [name]: 'x' }).warnings).toEqual([]);
  });

  test('the log of a sandbox and the doctor name WX_APPID', async () => {
    const app = await startApp({ env: { WECHAT_APPID: 'x' } });
    const { msg } = app.log.find(({ level }) => level === 40) ?? {};
    expect(msg).toMatch(/^WECHAT_APPID is no setting of this server, and WX_APPID is not set/);
    expect(examineSettings(loadConfig({ WECHAT_APPID: 'x' }))).toContainEqual(
      expect.objectContaining({ level: 'warning', says: msg }),
    );
  });

  test('it is in the log of the start, and among the problems of one that is refused', async () => {
    const app = await startApp({ env: { JWT_EXPIRES: '77' } });
    expect(app.log.filter(({ level }) => level === 40)).toMatchObject([
      { msg: expect.stringMatching(/^JWT_EXPIRES is no setting .* JWT_EXPIRES_IN$/) },
    ]);
    const { JWT_SECRET: _, ...rest } = REAL;
    expect(problemsOf({ ...rest, JWT_SECRET_KEY: 'x' })).toEqual([
      expect.stringMatching(/^JWT_SECRET is not set/),
      expect.stringMatching(/^JWT_SECRET_KEY is no setting .* JWT_SECRET$/),
    ]);
  });
});

test.each([
  ['', '', 0],
  ['', 'abc', 3],
  ['abc', '', 3],
  ['same', 'same', 0],
  ['abc', 'abcd', 1],
  ['abcd', 'abc', 1],
  ['abcd', 'abxd', 1],
  ['abcd', 'acbd', 1],
  ['abcd', 'badc', 2],
  ['kitten', 'sitting', 3],
])('from %j to %j it takes %i slips', (one, other, slips) => {
  expect(editDistance(one, other)).toBe(slips);
});

describe('which .env was read', () => {
  const newFolder = () => mkdtempSync(join(inject('folder'), 'env-'));

  test('the start says it, in the notice and in the log', async () => {
    const folder = newFolder();
    writeFileSync(join(folder, '.env'), 'JWT_ISSUER=from-the-file\nSESSION_TTL=a-value-of-somebody\n');
    const server = await runServer({}, folder);
    await server.prints(`.env that was read: ${folder}/.env\n`);
    await server.prints(`"envFile":"${folder}/.env"`);
    await server.prints(/"level":40,.*SESSION_TTL is no setting/);
    expect(server.output()).not.toContain('a-value-of-somebody');
  });

  test('or that there is none, and in which folder', async () => {
    const server = await runServer();
    await server.prints(`.env that was read: none: there is no .env in ${server.folder}\n`);
    await server.prints(`"envFile":"none: there is no .env in ${server.folder}"`);
  });

  test('a start that is refused says it too: the folder may be the wrong one', async () => {
    const server = run(['start'], { NODE_ENV: 'production' });
    expect(await server.ended).toBe(1);
    expect(server.output()).toMatch(/WX_APPID is not set/);
    expect(server.output()).toContain(`.env that was read: none: there is no .env in ${server.folder}\n`);
  });

  test('one that cannot be read, or is no text, stops the start', async () => {
    const directory = newFolder();
    mkdirSync(join(directory, '.env'));
    const unreadable = run(['start'], {}, directory);
    expect(await unreadable.ended).toBe(1);
    expect(unreadable.output()).toContain(`${directory}/.env cannot be read (EISDIR)`);
    const folder = newFolder();
    writeFileSync(join(folder, '.env'), Buffer.from('\uFEFFWX_APPID=wx0123456789abcdef\n', 'utf16le'));
    const wide = run(['start'], { NODE_ENV: 'production' }, folder);
    expect(await wide.ended).toBe(1);
    expect(wide.output()).toMatch(/WX_SECRET is not set/); // it was read
  });

  test('the doctor says it, and what has no effect', async () => {
    const doctor = run(['doctor'], { JWT_EXPIRES: '77', DATABASE_URL: 'sqlite::memory:' });
    expect(await doctor.ended).toBe(0);
    expect(doctor.output()).toContain(
      `ok       .env: that was read: none: there is no .env in ${doctor.folder}\n`,
    );
    expect(doctor.output()).toMatch(
      /^warning {2}settings: JWT_EXPIRES is no setting .* JWT_EXPIRES_IN\n +→ correct the name, or remove it$/m,
    );
    const wrong = run(['doctor'], { WX_APP_ID: '77', NODE_ENV: 'production' });
    expect(await wrong.ended).toBe(1);
    expect(wrong.output()).toMatch(/^problem +settings: WX_APP_ID is no setting: WX_APPID is meant/m);
    expect(wrong.output()).toContain(`.env: that was read: none: there is no .env in ${wrong.folder}\n`);
  });
});
