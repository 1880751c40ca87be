import { endpoints } from '../../../src/sandbox/endpoints/table.ts';
import { BODY, type Case, fill, formBodies, HEADER, HOSTILE_JSON, jsonBodies, nested } from '../case.ts';

const wx = ['login', 'getUserProfile', 'getUserInfo', 'getPhoneNumber'].map(
  (name) => `POST /sandbox/wx/${name}`,
);
const posts = ['POST /sandbox/control/faults', 'POST /sandbox/control/clock', 'POST /sandbox/control/events'];
const puts = [
  'PUT /sandbox/control/users/:user',
  'PUT /sandbox/control/settings',
  'PUT /sandbox/control/apps/:appid',
  'PUT /sandbox/control/apps/:appid/callback',
  'PUT /sandbox/demo/users/:user',
  'POST /sandbox/demo/users/:user/expired-token',
];
const wechat = endpoints.map(({ path }) => `POST /sandbox${path}`);
const reads = [
  'GET /sandbox/control/state',
  'GET /sandbox/control/',
  ...['apps', 'users', 'codes', 'sessions', 'tokens', 'faults', 'calls', 'pushes', 'page.js', 'page.css'].map(
    (part) => `GET /sandbox/control/${part}`,
  ),
  'DELETE /sandbox/control/tokens',
  'GET /sandbox/demo/users/:user',
  'GET /sandbox/cdn/:host/*path',
  'DELETE /sandbox/control/sessions/:user',
  'DELETE /sandbox/control/faults/:endpoint',
  'DELETE /sandbox/control/apps/:appid/callback',
];

/** The local WeChat, which is there with the demo only. */
export const sandbox: Case[] = [
  ...[...wx, ...posts, ...puts, ...wechat].flatMap((route) => jsonBodies(route, HOSTILE_JSON)),
  ...formBodies('POST /sandbox/login-button', { '1,000 equal keys': fill('a=1&', 4000) }),
  ...jsonBodies('POST /sandbox/login-button', {
    'a name of 64 KB': JSON.stringify({ nickName: fill('a', BODY - 20) }),
    'a user of blanks': JSON.stringify({ user: `a${fill(' ', 60_000)}a` }),
  }),
  ...jsonBodies('PUT /sandbox/control/apps/:appid', {
    'thousands of addresses': `{"secret":"a","ipWhitelist":[${fill('1,', 60_000)}1]}`,
    'thousands of good addresses': `{"secret":"a","ipWhitelist":[${fill('"::1",', 60_000)}"::1"]}`,
  }),
  ...jsonBodies('PUT /sandbox/control/apps/:appid/callback', {
    'a URL of 60 KB': JSON.stringify({ url: `http://${fill('a.', 60_000)}`, token: 'abc' }),
  }),
  ...jsonBodies('POST /sandbox/control/faults', {
    'an endpoint of lists in one another': `{"endpoint":${nested('[', 30_000)},"errcode":1}`,
  }),
  ...reads.map((route) => {
    const [method = '', path = ''] = route.split(' ');
    const long = path.replace(':host', 'wx.qlogo.cn').replace(/[:*]\w+$/, fill('a/', 7000));
    return {
      route,
      name: 'a path and a query of 15 KB',
      request: () => ({ method, path: `${long}?${fill('a=1&', HEADER - long.length)}` }),
    };
  }),
];
