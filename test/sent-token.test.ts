import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { startReal } from './support/tokens.ts';

type Send = (token: string) => Record<string, string | string[]>;
const authorization =
  (make: (token: string) => string): Send =>
  (token) => ({ Authorization: make(token) });

const TAKEN: [string, Send][] = [
  ['Bearer', authorization((token) => `Bearer ${token}`)],
  ['bearer', authorization((token) => `bearer ${token}`)],
  ['BEARER and blanks', authorization((token) => ` BEARER   ${token} `)],
  ['the token alone', authorization((token) => token)],
  ['a header named token', (token) => ({ token })],
  ['a header named token, with Bearer', (token) => ({ token: `Bearer ${token}` })],
  ['an empty Authorization beside it', (token) => ({ Authorization: '', token })],
];

const MISSING: [string, Send, RegExp | undefined][] = [
  ['nothing', () => ({}), undefined],
  ['Bearer alone', authorization(() => 'Bearer '), undefined],
  ['Bearer undefined', authorization(() => 'Bearer undefined'), /the text undefined .*it has none/],
  ['Bearer null', authorization(() => 'Bearer null'), /the text null .*it has none/],
  ['undefined', (() => ({ token: 'undefined' })) as Send, /the text undefined/],
];

const INVALID: [string, Send, RegExp][] = [
  ['Bearer twice', authorization((token) => `Bearer Bearer ${token}`), /^Bearer stands there twice/],
  [
    'Bearer twice, as undefined',
    authorization(() => 'Bearer Bearer undefined'),
    /^Bearer stands there twice/,
  ],
  ['a colon', authorization((token) => `Bearer: ${token}`), /a sign between Bearer and the token/],
  ['an equals sign', authorization((token) => `Bearer=${token}`), /a sign between Bearer and the token/],
  ['no blank', authorization((token) => `Bearer${token}`), /no blank between/],
  ['quotes around all', authorization((token) => `"Bearer ${token}"`), /in quotes/],
  ['quotes around the token', authorization((token) => `Bearer "${token}"`), /in quotes/],
  ['escaped quotes', authorization((token) => `\\"${token}\\"`), /in quotes/],
  ['a quoted token header', (token) => ({ token: `"${token}"` }), /in quotes/],
  ['an object', authorization(() => 'Bearer [object Object]'), /an object was sent/],
  ['a promise', authorization(() => '[object Promise]'), /not awaited/],
  ['URL-encoding', authorization((token) => encodeURIComponent(`Bearer ${token}`)), /URL-encoded/],
  ['an escaped line break', authorization((token) => `Bearer ${token}%0A`), /URL-encoded/],
  ['two in one', authorization((token) => `Bearer ${token}, Bearer ${token}`), /two tokens/],
  ['two token headers', (token) => ({ token: [token, token] }), /two tokens/],
  [
    'two Authorization headers',
    (token) => ({ Authorization: [`Bearer ${token}`, 'Basic YTpi'] }),
    /two Authorization headers/,
  ],
  ['Basic', authorization(() => 'Basic YWRtaW46YWRtaW4='), /another scheme than Bearer/],
  ['Token', authorization((token) => `Token ${token}`), /another scheme than Bearer/],
  ['JWT', authorization((token) => `JWT ${token}`), /another scheme than Bearer/],
  [
    'a blank inside',
    authorization((token) => `Bearer ${token.replace('.', '. ')}`),
    /blank or a new line inside/,
  ],
  [
    'a tab inside',
    authorization((token) => `Bearer ${token.replace('.', '\t.')}`),
    /blank or a new line inside/,
  ],
  [
    'a cut token',
    authorization((token) => `Bearer ${token.slice(0, 30)}`),
    /not a JWT.*30 characters in 1 part/,
  ],
  ['a token cut in its signature', authorization((token) => `Bearer ${token.slice(0, -4)}`), /signature/],
  ['some text', authorization(() => 'abc'), /not a JWT.*3 characters/],
  ['three parts that are none', authorization(() => 'a.b.c'), /not a JWT: its header/],
  ['the session id', authorization(() => 'Bearer 0123456789abcdef'), /not a JWT.*Was it cut/],
];

/** fetch joins two headers of one name. */
async function ask(url: string, headers: Record<string, string | string[]>) {
  return new Promise<{ status: number | undefined; body: { code?: string; requestId?: string } }>(
    (resolve, reject) => {
      request(`${url}/api/wxuser/me`, { headers: headers as Record<string, string> }, async (res) => {
        resolve({ status: res.statusCode, body: JSON.parse(await text(res)) });
      })
        .on('error', reject)
        .end();
    },
  );
}

test('a token is taken as both tutorials’ clients send it; what else comes is named in the log, and only there', async () => {
  const { app, token } = await startReal();
  for (const [name, send] of TAKEN) expect((await ask(app.url, send(token))).status, name).toBe(200);
  for (const [name, send, reason] of MISSING) {
    const { status, body } = await ask(app.url, send(token));
    expect([status, body.code], name).toEqual([401, 'token_missing']);
    logged(name, body, reason);
  }
  for (const [name, send, reason] of INVALID) {
    const { status, body } = await ask(app.url, send(token));
    expect([status, body.code], name).toEqual([401, 'token_invalid']);
    expect(Object.keys(body), name).toEqual(['status', 'code', 'messages', 'retry', 'requestId']);
    logged(name, body, reason);
  }

  function logged(name: string, { code, requestId }: { code?: string; requestId?: string }, reason?: RegExp) {
    const line = app.log.find(({ id }) => id === requestId);
    expect(line?.['code'], name).toBe(code);
    if (reason) expect(line?.['reason'], name).toMatch(reason);
    else expect(line, name).not.toHaveProperty('reason');
  }
});
