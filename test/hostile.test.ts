import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { visible } from '../src/wechat/visible.ts';
import { startApp } from './support/app.ts';
import { engines } from './support/engines.ts';

const TEMPORARY = ['wxfile://tmp_abc.jpg', 'http://tmp/abc.jpg', 'http://127.0.0.1:37729/__tmp__/abc.jpg'];

const badFields: [string, object, string][] = [
  ['a 200-character name', { nickName: '名'.repeat(200) }, 'rawData.nickName'],
  ['a name of NUL bytes', { nickName: '\0\0' }, 'rawData.nickName'],
  ['a name of half an emoji', { nickName: ' \ud83d' }, 'rawData.nickName'],
  ['a name that is a number', { nickName: 7 }, 'rawData.nickName'],
  ['a name that is an object', { nickName: { $ne: null } }, 'rawData.nickName'],
  ['a gender out of range', { gender: 9 }, 'rawData.gender'],
  ['a gender that is a text', { gender: 'male' }, 'rawData.gender'],
  ['a script as avatar', { avatarUrl: 'javascript:alert(1)' }, 'rawData.avatarUrl'],
  ['a data URL as avatar', { avatarUrl: 'data:image/png;base64,AAAA' }, 'rawData.avatarUrl'],
  ['an avatar on this machine', { avatarUrl: 'http://localhost/a.png' }, 'rawData.avatarUrl'],
  ['an avatar in a private network', { avatarUrl: 'http://192.168.1.1/a.png' }, 'rawData.avatarUrl'],
  ['an avatar at an address in disguise', { avatarUrl: 'http://0x7f000001/a.png' }, 'rawData.avatarUrl'],
  ['an avatar at an IPv6 loopback', { avatarUrl: 'http://[::1]/a.png' }, 'rawData.avatarUrl'],
  ['an avatar with a password', { avatarUrl: 'https://a:b@example.com/a.png' }, 'rawData.avatarUrl'],
  [
    'an avatar of 600 characters',
    { avatarUrl: `https://example.com/${'a'.repeat(600)}` },
    'rawData.avatarUrl',
  ],
  ...TEMPORARY.map((path): [string, object, string] => [
    `a temporary path ${path}`,
    { avatarUrl: path },
    'rawData.avatarUrl',
  ]),
];

describe.each(engines)('what nobody should send, on $name', ({ fresh }) => {
  const start = async () => {
    const database = await fresh();
    return startApp({ database });
  };

  test.each(badFields)('%s: the login goes through without it, and says so', async (_name, said, path) => {
    const app = await start();
    const { code } = await app.button({ user: 'Ada' });
    const sent = JSON.stringify({ nickName: 'Ada', ...said });
    const answer = await app.call(
      'POST',
      '/api/wxuser',
      { code, rawData: sent },
      { 'Accept-Language': 'en' },
    );
    expect(answer.status).toBe(200);
    expect(answer.body.issues.map((issue: { path: string }) => issue.path)).toContain(path);
    const [row] = await app.rows();
    expect(row).toMatchObject({
      avatar: null,
      gender: 0,
      nickName: path.endsWith('nickName') ? null : 'Ada',
    });
    await app.close();
  });

  test.each([
    ['broken JSON', '{"nickName":'],
    ['a JSON text', '"Ada"'],
    ['a JSON list', '[{"nickName":"Ada"}]'],
  ])('rawData that is %s: the login goes through without it', async (_name, rawData) => {
    const app = await start();
    const { code } = await app.button({ user: 'Ada' });
    const { status, body } = await app.call('POST', '/api/wxuser', { code, rawData });
    expect(status).toBe(200);
    expect(body.issues).toMatchObject([{ path: 'rawData' }]);
    expect(body.user.nickName).toBeNull();
    await app.close();
  });

  test('prototype keys in the body and in rawData change nothing', async () => {
    const app = await start();
    const { code } = await app.button({ user: 'Ada' });
    const evil = '{"__proto__":{"nickName":"Eve","polluted":1},"constructor":{"prototype":{"polluted":1}}}';
    const body = `{"code":"${code}","__proto__":{"polluted":1},"rawData":${JSON.stringify(evil)}}`;
    const object = `{"code":"${(await app.button({ user: 'Ada' }))['code']}","rawData":${evil}}`;
    for (const text of [body, object]) {
      expect((await app.call('POST', '/api/wxuser', text)).body.user.nickName).toBeNull();
    }
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
    await app.close();
  });

  test.each([
    ['emoji', '🧑🏽‍🚀🇨🇳👨‍👩‍👧'],
    ['64 emoji', '😀'.repeat(64)],
    ['quotes and backslashes', `'"; DROP TABLE wxuser; -- \\`],
    ['right-to-left letters', 'שלום'],
    ['rare Chinese characters', '𠮷野家 𡃁'],
  ])('a name of %s is stored as it is', async (_name, nickName) => {
    const app = await start();
    const { body } = await app.login({ user: 'Ada', nickName });
    expect(body.user.nickName).toBe(nickName);
    const put = await app.call(
      'PUT',
      '/api/wxuser/me',
      { nickName: `${nickName}` },
      { Authorization: body.token },
    );
    expect(put.body.user.nickName).toBe(nickName);
    expect((await app.rows())[0]?.nickName).toBe(nickName);
    await app.close();
  });

  test('any name that passes the check comes back with all that is seen of it (property)', async () => {
    const app = await start();
    const { body } = await app.login({ user: 'Ada' });
    const headers = { Authorization: body.token };
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary', minLength: 1, maxLength: 64 }), async (nickName) => {
        const { status, body } = await app.call('PUT', '/api/wxuser/me', { nickName }, headers);
        if (status === 200) expect(body.user.nickName).toBe(visible(nickName).trim());
        else expect(body.code).toBe('invalid_request');
      }),
      { numRuns: 60 },
    );
    await app.close();
  });
});

test('any JSON at all gets an answer of the catalogue, never a 500 (property)', async () => {
  const app = await startApp();
  await fc.assert(
    fc.asyncProperty(
      fc.json({ maxDepth: 3 }),
      fc.constantFrom('code', 'rawData', 'userInfo', 'iv', ''),
      async (value, field) => {
        const text = field ? `{"code":"c","${field}":${value}}` : value;
        const { status } = await app.call('POST', '/api/wxuser', text);
        expect([200, 400, 401]).toContain(status);
      },
    ),
    { numRuns: 200 },
  );
  expect(await app.rows()).toEqual([]);
});

test.each([
  '/api/wxuser/me',
  '/api/wxuser/logout',
  '/sandbox/wx/login',
  '/sandbox/login-button',
  '/user/wechatlogin',
])('any JSON at all to %s gets an answer, never a 500 (property)', async (path) => {
  const app = await startApp();
  const { body } = await app.login({ user: 'Ada' });
  const headers = { Authorization: body.token };
  const method = path.endsWith('me') ? 'PUT' : 'POST';
  const fields = fc.constantFrom('nickName', 'gender', 'avatar', 'all', 'user', 'rotate', 'code', '');
  await fc.assert(
    fc.asyncProperty(fc.json({ maxDepth: 2 }), fields, async (value, field) => {
      const { status } = await app.call(method, path, field ? `{"${field}":${value}}` : value, headers);
      expect(status).toBeLessThan(500);
    }),
    { numRuns: 60 },
  );
  const evil = '{"gender":{"toString":1,"valueOf":1}}';
  expect((await app.call('PUT', '/api/wxuser/me', evil, headers)).status).not.toBe(500);
});

test.each([
  ['JSON', 'application/json', JSON.stringify({ code: 'x'.repeat(66_000) })],
  ['a form', 'application/x-www-form-urlencoded', `code=${'x'.repeat(66_000)}`],
])('a body over 64 KiB is refused, as %s', async (_name, type, body) => {
  const app = await startApp();
  expect((await app.call('POST', '/api/wxuser', body, { 'Content-Type': type })).body).toMatchObject({
    code: 'payload_too_large',
  });
});

test('a form makes no objects', async () => {
  const app = await startApp();
  const { code } = await app.button({ user: 'Ada' });
  const form = `code=${code}&rawData[nickName]=Eve`;
  const { body } = await app.call('POST', '/api/wxuser', form, {
    'Content-Type': 'application/x-www-form-urlencoded',
  });
  expect(body).toMatchObject({ status: 200, user: { nickName: null } });
});

test.each([
  ['a code that is a list', { code: ['a'] }],
  ['a code that is an object', { code: { $gt: '' } }],
  ['an empty code', { code: '  ' }],
  ['a code of 200 characters', { code: 'a'.repeat(200) }],
  ['a code with a NUL byte', { code: 'a\0b' }],
  ['a code that adds a parameter', { code: 'a&appid=wx0' }],
])('%s is refused before WeChat is asked', async (_name, body) => {
  const app = await startApp();
  const answer = await app.call('POST', '/api/wxuser', body);
  expect(answer.body).toMatchObject({ status: 400, code: 'invalid_request', issues: [{ path: 'code' }] });
  expect(app.log.filter((line) => String(line['path']).includes('jscode2session'))).toEqual([]);
});

test('a path with broken escapes is refused', async () => {
  const app = await startApp();
  expect((await app.call('GET', '/%E0%A4%A')).body.code).toMatch(/invalid_request|not_found/);
});
