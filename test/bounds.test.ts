import { expect, test } from 'vitest';
import { deviceOf } from '../src/auth/device.ts';
import { mediaCheck, revokeEvent } from '../src/wechat/messages.ts';
import { parseXml } from '../src/wechat/xml.ts';
import { startApp } from './support/app.ts';

const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);

test('a token longer than 8 KiB is not looked at', async () => {
  const app = await startApp();
  const { token } = (await app.login({ user: 'Ada' })).body;
  const long = `${token}${' '.repeat(8192)}.`;
  for (const headers of [{ Authorization: long }, { token: 'a.'.repeat(5000) }] as Record<string, string>[]) {
    const { status, body } = await app.call('GET', '/api/wxuser/me', undefined, headers);
    expect([status, body.code]).toEqual([401, 'token_invalid']);
    expect(app.log.at(-1)?.['reason']).toBe('longer than 8192 characters');
  }
  expect((await app.call('GET', '/api/wxuser/me', undefined, { Authorization: token })).status).toBe(200);
});

test.each([
  ['en', /route/],
  ['en-US,en;q=0.9,zh;q=0.8', /route/],
  ['zh-CN,zh;q=0.9,en;q=0.8', /接口/],
  ['fr', /接口/],
  [`en,${'fr;q=0.1,'.repeat(1500)}`, /route/],
  [`${'fr;q=0.1,'.repeat(1500)}en`, /接口/], // what stands so far behind is not read
])('the language of a reply, by Accept-Language: %.30s', async (accepted, text) => {
  const app = await startApp();
  const { body } = await app.call('GET', '/nothing-here', undefined, { 'Accept-Language': accepted });
  expect(body.messages).toMatch(text);
});

test('without Accept-Language a reply is in Chinese', async () => {
  const app = await startApp();
  expect((await app.call('GET', '/nothing-here')).body.messages).toMatch(/接口/);
});

test('a User-Agent without an end has a device all the same', () => {
  expect(deviceOf(`Mozilla/5.0 (Linux; Android 13; Pixel 7 Build/TQ3A) ${'x'.repeat(15_000)}`)).toBe(
    'Pixel 7',
  );
  expect(deviceOf('Android 1; a'.repeat(1000)).length).toBeLessThanOrEqual(100);
});

test('a reply and the log name 20 wrong fields at most', async () => {
  const app = await startApp();
  const put = (count: number) =>
    app.call('PUT', '/sandbox/control/apps/wx1', {
      secret: 's',
      ipWhitelist: Array(count).fill('no address'),
    });
  const answer = await put(100);
  expect([answer.status, answer.body.code]).toEqual([400, 'invalid_request']);
  expect(answer.body.issues).toHaveLength(20);
  expect(app.log.at(-1)?.['fields']).toHaveLength(20);
  expect((await put(4000)).body.issues).toMatchObject([{ path: 'ipWhitelist' }]); // none is looked at
});

test.each([
  ['a list', nested(15_000)],
  ['an object', `${'{"a":'.repeat(8000)}1${'}'.repeat(8000)}`],
  ['a list that does not end', '['.repeat(60_000)],
])('JSON in JSON in JSON is an answer like any other: %s', async (_name, json) => {
  const app = await startApp();
  const { body } = await app.login({ user: 'Ada' });
  const headers = { Authorization: body.token };
  for (const field of ['code', 'rawData', 'userInfo', 'encryptedData']) {
    const { status } = await app.call('POST', '/api/wxuser', `{"code":"c","${field}":${json}}`);
    expect([200, 400, 401], field).toContain(status);
  }
  for (const text of [json, `{"nickName":${json}}`, `{"gender":${json}}`])
    expect((await app.call('PUT', '/api/wxuser/me', text, headers)).status).toBe(400);
  const { code } = await app.button({ user: 'Eve' });
  const rawData = JSON.stringify({ code, rawData: json.slice(0, 16_000) });
  expect((await app.call('POST', '/api/wxuser', rawData)).body).toMatchObject({
    status: 200,
    issues: [{ path: 'rawData' }],
  });
  expect(app.log.filter((line) => Number(line['level']) >= 40)).toEqual([]);
});

test('what the sandbox shows of a call has a bound, whatever was sent', async () => {
  const app = await startApp();
  const bodies = [
    nested(15_000),
    JSON.stringify(Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`f${i}`, i]))),
    JSON.stringify({ content: 'x'.repeat(60_000) }),
    JSON.stringify(Array(15).fill(Array(500).fill([1, 2]))),
  ];
  for (const body of bodies)
    expect((await app.call('POST', '/sandbox/cgi-bin/stable_token', body)).status).toBe(200);
  const { body } = await app.call('GET', '/sandbox/control/state');
  expect(body.calls.last).toHaveLength(bodies.length);
  expect(JSON.stringify(body.calls.last).length).toBeLessThan(20_000);
  expect(app.log.filter((line) => Number(line['level']) >= 40)).toEqual([]);
});

test('XML of thousands of elements is none of WeChat’s', () => {
  const list = (count: number) => `<xml>${'<a>b</a>'.repeat(count)}</xml>`;
  expect(parseXml(list(600))).toHaveProperty('a');
  expect(parseXml(list(700))).toBeUndefined();
  expect(parseXml(`<xml>${'<![CDATA[]]>'.repeat(2000)}</xml>`)).toBeUndefined();
});

test('an event that lists without an end is unusable', () => {
  const revoked = (RevokeInfo: string) => revokeEvent.safeParse({ OpenID: 'o', RevokeInfo }).success;
  expect([revoked('6,8,19,20'), revoked('6,'.repeat(101))]).toEqual([true, false]);
  const checked = (count: number) =>
    mediaCheck.safeParse({ trace_id: 't', version: 2, detail: Array(count).fill({ prob: 90 }) }).success;
  expect([checked(100), checked(101)]).toEqual([true, false]);
});
