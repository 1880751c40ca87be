import { gzipSync } from 'node:zlib';
import { BODY, type Case, fill, HEADER } from '../case.ts';

const post = (headers: Record<string, string>, body: string | Buffer) => ({
  method: 'POST',
  path: '/nothing-here',
  headers: { 'Content-Type': 'application/json', ...headers },
  body,
});
const get = (headers: Record<string, string>) => ({ path: '/nothing-here', headers });
const languages = Array.from({ length: 2000 }, (_, i) => `${i.toString(36)};q=0.1`).join(',');

const requests: Record<string, () => ReturnType<Case['request']>> = {
  'a body in utf-7': () =>
    post({ 'Content-Type': 'application/json; charset=utf-7' }, JSON.stringify({ a: fill('&', BODY) })),
  'a body in utf-32': () => post({ 'Content-Type': 'application/json; charset=utf-32' }, fill('a', BODY)),
  'a body in gb18030': () => post({ 'Content-Type': 'text/xml; charset=gb18030' }, fill('中', BODY / 3)),
  'a gzip bomb': () => post({ 'Content-Encoding': 'gzip' }, gzipSync(Buffer.alloc(50_000_000, '['))),
  'a Content-Type of 15 KB': () =>
    post({ 'Content-Type': `application/json${fill('; charset=utf-8', HEADER)}` }, '{}'),
  'a path eyJeyJ…': () => ({ path: `/${fill('eyJ', HEADER)}` }),
  'a path eyJa-eyJa-…': () => ({ path: `/${fill('eyJa-', HEADER)}` }),
  'a path of escapes': () => ({ path: `/${fill('%41', HEADER)}` }),
  'a path of slashes': () => ({ path: fill('/', HEADER) }),
  'a query of 15 KB': () => ({ path: `/?${fill('a=1&', HEADER)}` }),
  'an Accept-Language of 15 KB': () => get({ 'Accept-Language': fill('zh-CN;q=0.1,', HEADER) }),
  'an Accept-Language of 2,000 languages': () => get({ 'Accept-Language': languages.slice(0, HEADER) }),
  'a Host of 15 KB': () => get({ Host: fill('a.', HEADER) }),
  'a Cookie of 15 KB': () => get({ Cookie: fill('a=1;', HEADER) }),
  'an X-Forwarded-For of 15 KB': () => get({ 'X-Forwarded-For': fill('1.2.3.4, ', HEADER) }),
  '1,500 headers': () => get(Object.fromEntries(Array.from({ length: 1500 }, (_, i) => [`x${i}`, '1']))),
};

/** Before any route is found. */
export const anyRoute: Case[] = [
  ...Object.entries(requests).map(([name, request]) => ({ route: 'any', name, request })),
  {
    route: 'any',
    name: 'an X-Forwarded-For of 15 KB, behind proxies',
    settings: { TRUST_PROXY: '127.0.0.1,::1' },
    request: () => get({ 'X-Forwarded-For': fill('::1,', HEADER) }),
  },
];
