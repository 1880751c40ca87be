import { expect, test } from 'vitest';
import { startApp } from './support/app.ts';
import { mountings, mountOwn, startHost, versions } from './support/hosts.ts';
import { send } from './support/uploads.ts';

const FORM = 'application/x-www-form-urlencoded';
const JSON_TYPE = 'application/json';

async function start() {
  const app = await startApp();
  const token: string = (await app.login({ user: 'Ada' })).body.token;
  const put = async (type: string | undefined, body: string | Uint8Array | FormData, language = 'en') => {
    const headers = {
      Authorization: token,
      'Accept-Language': language,
      ...(type && { 'Content-Type': type }),
    };
    const response = await fetch(`${app.url}/api/wxuser/me`, { method: 'PUT', body, headers } as RequestInit);
    return JSON.parse(await response.text());
  };
  return { app, token, put };
}

const bytes = (hex: string) => new Uint8Array(Buffer.from(hex, 'hex'));
const UTF8_TYPES = [
  'application/json;charset=utf8',
  'application/json; charset=UTF8',
  'application/json;charset="utf-8"',
  'application/json;charset="UTF8"',
  "application/json;charset='utf-8'",
  'application/json; charset=utf_8',
  'APPLICATION/JSON; CHARSET=UTF-8',
  'application/json ; charset = utf8 ;',
  'application/json; charset:utf-8',
  'application/json; encoding=utf-8',
  'application/json;',
];

test('utf8 is UTF-8, however it is written', async () => {
  const { put } = await start();
  for (const type of UTF8_TYPES) {
    const answer = await put(type, '{"nickName":"张三😀"}');
    expect(answer, type).toMatchObject({ status: 200, user: { nickName: '张三😀' } });
    expect(await put(type, '\ufeff{"gender":1}'), type).toMatchObject({ status: 200 });
  }
});

const GBK_ZHANG = 'd5c5'; // 张
const OTHER_CHARSETS: [string, string, string | Uint8Array][] = [
  ['JSON in GBK', JSON_TYPE, bytes(`7b226e69636b4e616d65223a22${GBK_ZHANG}227d`)],
  ['a form in GBK', FORM, bytes(`6e69636b4e616d653d${GBK_ZHANG}`)],
  ['a form in GBK, escaped', FORM, 'nickName=%D5%C5'],
  ['JSON with half a character', JSON_TYPE, bytes('7b226e69636b4e616d65223a22e5bc227d')],
];

test('a body in another charset is refused as that, and no question mark is stored', async () => {
  const { app, put } = await start();
  const before = await app.rows();
  for (const [name, type, body] of OTHER_CHARSETS) {
    const answer = await put(type, body);
    expect(answer, name).toMatchObject({ status: 400, code: 'invalid_request', issues: [{ path: 'body' }] });
    expect(answer.issues[0].message, name).toMatch(/not UTF-8.*GBK/);
  }
  expect(await app.rows()).toEqual(before);
});

test('a form may have a percent sign, and what was replaced elsewhere', async () => {
  const { put } = await start();
  for (const [sent, nickName] of [
    ['100%', '100%'],
    ['%EF%BF%BD', '\ufffd'],
    ['%E5%BC%A0', '张'],
    ['张', '张'],
  ])
    expect((await put(FORM, `nickName=${sent}`)).user.nickName).toBe(nickName);
});

const upload = new FormData();
upload.append('file', new Blob(['x']), 'a.jpg');

const MISTAKES: [string, string | undefined, string | FormData, number, RegExp, RegExp][] = [
  ['a form called JSON', JSON_TYPE, 'nickName=Ada', 400, /is a form .*application\/json/, /是表单/],
  [
    'an upload called JSON',
    JSON_TYPE,
    '--b\r\nContent-Disposition: form-data',
    400,
    /wx\.uploadFile/,
    /wx\.uploadFile/,
  ],
  ['XML called JSON', JSON_TYPE, '<xml></xml>', 400, /XML or HTML/, /XML 或 HTML/],
  ['an object called JSON', JSON_TYPE, '[object Object]', 400, /JSON\.stringify/, /JSON\.stringify/],
  ['JSON in JSON', JSON_TYPE, '"{\\"nickName\\":\\"Ada\\"}"', 400, /twice/, /两次/],
  ['JSON that is cut', JSON_TYPE, '{"nickName":"A', 400, /cut short/, /截断/],
  ['JSON called a form', FORM, '{"nickName":"Ada"}', 400, /is JSON.*make that application\/json/, /是 JSON/],
  ['an object called a form', FORM, '[object Object]', 400, /JSON\.stringify/, /JSON\.stringify/],
  [
    'a text',
    'text/plain',
    '{"nickName":"Ada"}',
    415,
    /sent as text\/plain.*application\/json/,
    /text\/plain/,
  ],
  ['a type that is none', 'json', '{}', 415, /no Content-Type that can be read/, /没有可用的 Content-Type/],
  ['an upload', undefined, upload, 415, /sent as multipart\/form-data/, /multipart\/form-data/],
];

test('another body where JSON is wanted is said as what it is', async () => {
  const { app, put } = await start();
  for (const [name, type, body, status, en, zh] of MISTAKES) {
    const code = status === 400 ? 'invalid_request' : 'unsupported_media_type';
    const answer = await put(type, body);
    const issues = [{ path: 'body', message: expect.stringMatching(en) }];
    expect(answer, name).toMatchObject({ status, code, issues });
    expect(app.log.findLast((line) => line['id'] === answer.requestId)?.['reason'], name).toMatch(en);
    expect((await put(type, body, 'zh')).issues[0].message, name).toMatch(zh);
  }
});

const asText = (value: string) => {
  const form = new FormData();
  form.append('avatar', value);
  return form;
};
const typed = (type: string) => new Blob(['--b\r\n'], { type });

const MISTAKEN_UPLOADS: [string, Blob | FormData, number, string, RegExp, RegExp][] = [
  [
    'called JSON',
    typed(JSON_TYPE),
    415,
    'body',
    /sent as application\/json: .*wx\.uploadFile.*no Content-Type/,
    /application\/json.*wx\.uploadFile/,
  ],
  ['called a form', typed(FORM), 415, 'body', /sent as application\/x-www-form-urlencoded: /, /urlencoded/],
  ['of bytes alone', typed('image/jpeg'), 415, 'body', /sent as image\/jpeg: /, /image\/jpeg/],
  ['of a temporary path', asText('wxfile://tmp_a.jpg'), 400, 'file', /text only/, /普通文本/],
  ['in base64', asText(`data:image/png;base64,${'A'.repeat(5000)}`), 400, 'file', /base64/, /base64/],
  ['of nothing', new FormData(), 400, 'file', /missing.*wx\.uploadFile/, /缺少文件/],
];

test('another upload than that of a file is said as what it is', async () => {
  const { app, token } = await start();
  for (const [name, body, status, path, en, zh] of MISTAKEN_UPLOADS) {
    const code = status === 400 ? 'invalid_request' : 'unsupported_media_type';
    const answer = (await send(app, token, body)).body;
    expect(answer, name).toMatchObject({
      status,
      code,
      issues: [{ path, message: expect.stringMatching(en) }],
    });
    expect((await send(app, token, body, 'zh')).body.issues[0].message, name).toMatch(zh);
  }
});

test.each(versions)(
  'in another app, mounted as README says, on $version: utf8 is taken; behind its parsers the log says why not',
  async ({ express }) => {
    for (const { name, prefix = '', mount } of mountings.slice(0, 2)) {
      const host = await startHost({
        ...{ express, prefix },
        mount(app, parts) {
          mount(express)(app, parts);
          mountOwn(app);
        },
      });
      const headers = { 'Content-Type': 'application/json;charset=utf8' };
      const body = '{"code":"the code is a mock one"}';
      const { status } = await fetch(`${host.url}${prefix}/api/wxuser`, { method: 'POST', headers, body });
      const isFirst = name.startsWith('as README says');
      expect(status, name).toBe(isFirst ? 200 : 415);
      if (!isFirst) expect(host.log.at(-1)?.['reason'], name).toMatch(/charset: mount our routes before it/);
    }
  },
);
