import { BODY, type Case, fill, HEADER, HOSTILE_JSON, jsonBodies, nested } from '../case.ts';

const part = (head: string, body: string) => `--a\r\n${head}\r\n\r\n${body}\r\n`;
const inJwt = (json: string) => Buffer.from(json).toString('base64url');
const header = inJwt('{"alg":"HS256","typ":"JWT"}');

const tokens = {
  'a token of 15 KB': fill('a', HEADER),
  'a token of dots': fill('.', HEADER),
  'a token of blanks': `a${fill(' ', HEADER)}b`,
  'Bearer Bearer …': fill('Bearer ', HEADER),
  'a token of 8 KB': fill('a.', 8000),
  'claims in one another': `${header}.${inJwt(nested('[', 2500))}.a`,
  'a header of lists in one another': `${inJwt(`{"alg":"HS256","a":${nested('[', 2500)}}`)}.${inJwt('{}')}.a`,
};

const uploads = {
  'thousands of boundaries': fill('--a\r\n', BODY),
  'headers without an end': `--a\r\n${fill('x: y\r\n', BODY)}`,
  'escapes in a name': part(`Content-Disposition: form-data; name="${fill('\\"', 15_000)}"`, '1'),
  'encoded names': part(`Content-Disposition: form-data; ${fill("a*=utf-7''%41;", 15_000)}`, '1'),
  'fields in gb18030': part(
    'Content-Disposition: form-data; name="a"\r\nContent-Type: text/plain; charset=gb18030',
    fill('中', 600),
  ).repeat(18),
  'a file of boundaries that are none': part(
    'Content-Disposition: form-data; name="file"; filename="a"',
    fill('\r\n--', 900_000),
  ),
};

/** What needs a login, or asks for one. */
export const protectedRoutes: Case[] = [
  ...Object.entries(tokens).map(([name, Authorization]) => ({
    route: 'GET /api/wxuser/me',
    name,
    request: () => ({ path: '/api/wxuser/me', headers: { Authorization } }),
  })),
  ...jsonBodies(
    'PUT /api/wxuser/me',
    {
      ...HOSTILE_JSON,
      'a name of 60 KB': JSON.stringify({ nickName: fill('e\u0301', 20_000) }),
      'a name of emoji': JSON.stringify({ nickName: fill('😀', 32_000) }),
      'a name of blanks': JSON.stringify({ nickName: `a${fill(' ', 60_000)}a` }),
      'an avatar of 60 KB': JSON.stringify({ avatar: `https://${fill('a.', 60_000)}` }),
      'a gender of lists in one another': `{"gender":${nested('[', 30_000)}}`,
    },
    true,
  ),
  ...jsonBodies('DELETE /api/wxuser/me', HOSTILE_JSON),
  ...jsonBodies(
    'POST /api/wxuser/me/phone',
    {
      ...HOSTILE_JSON,
      'encryptedData of 16 KB': JSON.stringify({
        encryptedData: fill('A', 16_380),
        iv: `${fill('A', 22)}==`,
      }),
    },
    true,
  ),
  ...jsonBodies('POST /api/wxuser/logout', {
    ...HOSTILE_JSON,
    'all of 60 KB': `{"all":"${fill('a', 60_000)}"}`,
  }),
  ...Object.entries(uploads).map(([name, body]) => ({
    route: 'POST /api/wxuser/me/avatar',
    name,
    request: ({ token }: { token: string }) => ({
      method: 'POST',
      path: '/api/wxuser/me/avatar',
      headers: { Authorization: token, 'Content-Type': 'multipart/form-data; boundary=a' },
      body: `${body}--a--\r\n`,
    }),
  })),
  ...[
    'GET /api/wxuser/me/export',
    'GET /api/wxuser/sessions',
    'DELETE /api/wxuser/sessions/:id',
    'GET /avatars/:name',
  ].map((route) => {
    const [method = '', path = ''] = route.split(' ');
    return {
      route,
      name: 'a path and a query of 15 KB',
      request: ({ token }: { token: string }) => ({
        method,
        path: `${path.replace(/:\w+/, fill('a', 7000))}?${fill('a=1&', 7000)}`,
        headers: { Authorization: token },
      }),
    };
  }),
  ...['GET /healthz', 'GET /readyz', 'GET /'].map((route) => ({
    route,
    name: 'an If-None-Match of 15 KB',
    request: () => ({ path: route.replace('GET ', ''), headers: { 'If-None-Match': fill('"a",', HEADER) } }),
  })),
];
