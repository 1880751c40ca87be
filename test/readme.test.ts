import { execFile } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import type { Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import { expect, onTestFinished, test } from 'vitest';
import * as weappLogin from '../src/index.ts';
import { startApp } from './support/app.ts';
import { hasCommands } from './support/commands.ts';
import { freshSqlite } from './support/engines.ts';
import { versions } from './support/hosts.ts';
import { ec, fileOf } from './support/keys.ts';
import { freePort } from './support/ports.ts';

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
const blocks = (language: string) =>
  [...readme.matchAll(new RegExp(`\`\`\`${language}\n([\\s\\S]*?)\`\`\``, 'g'))].map(
    (match) => match[1] ?? '',
  );

/** A block of README with its imports given, as a function. */
const AsyncFunction = (async () => undefined).constructor as new (
  ...args: string[]
) => (...args: unknown[]) => Promise<unknown>;
const withoutImports = (code: string) => code.replace(/^import [\s\S]*?;$/gm, '');

test.runIf(hasCommands('curl', 'sed'))('README’s curl session works as pasted', async () => {
  const session = blocks('sh').find((block) => block.startsWith('curl')) ?? '';
  expect(session.trim().split('\n')).toHaveLength(4);
  const app = await startApp();
  const cwd = mkdtempSync(join(tmpdir(), 'weapp-readme-'));
  onTestFinished(() => rmSync(cwd, { recursive: true }));
  const here = session.replaceAll('localhost:8888', new URL(app.url).host);
  const { stdout } = await promisify(execFile)('sh', ['-c', here], { cwd });
  const [me, refused] = stdout.split(/(?<=\})(?=\{"status")/).map((text) => JSON.parse(text));
  expect(me).toMatchObject({ status: 200, user: { nickName: 'Ada' } });
  expect(refused).toMatchObject({ status: 401, code: 'token_missing', retry: 'login' });
});

test.each(versions)('README’s Express app works as pasted, in $version', async ({ express }) => {
  const code = blocks('ts').find((block) => block.includes('createParts')) ?? '';
  const port = await freePort();
  const database = await freshSqlite();
  onTestFinished(database.drop);

  // Runs the block itself, with its port and environment replaced.
  const body = withoutImports(code).replaceAll('3000', String(port));
  const start = new AsyncFunction('process', 'express', 'weapp', `${body}return server;`);
  const env = { DATABASE_URL: database.url, LOG_LEVEL: 'silent', JWT_PRIVATE_KEY_FILE: fileOf(ec()) };
  const signals = new EventEmitter();
  const server = (await start(Object.assign(signals, { env }), express, weappLogin)) as Server;
  onTestFinished(() => void server.close());

  const url = `http://127.0.0.1:${port}`;
  const post = async (path: string, json: unknown) => {
    const init = {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(json),
    };
    return (await (await fetch(url + path, init)).json()) as { token: string; user: { id: number } };
  };
  const { token, user } = await post('/api/wxuser', await post('/sandbox/login-button', { user: 'Ada' }));
  const orders = await fetch(`${url}/orders`, { headers: { Authorization: token } });
  expect(await orders.json()).toEqual({ ordersOf: user.id });
  const refused = await fetch(`${url}/orders`);
  expect(refused.status).toBe(401);
  expect(await refused.json()).toMatchObject({ code: 'token_missing' });
  expect((await fetch(`${url}/.well-known/jwks.json`)).status).toBe(200);

  signals.emit('SIGTERM');
  await once(server, 'close');
});

test('README’s verification in another service works as pasted', async () => {
  const code = blocks('ts').find((block) => block.includes('jwtVerify')) ?? '';
  const app = await startApp({ env: { JWT_PRIVATE_KEY_FILE: fileOf(ec()) } });
  const token = (await app.login()).body.token.replace('Bearer ', '');
  const here = withoutImports(code).replace('https://login.example.com', app.url);
  const verify = new AsyncFunction('createRemoteJWKSet', 'jwtVerify', 'token', `${here}return payload;`);
  await expect(verify(createRemoteJWKSet, jwtVerify, token)).rejects.toThrow('another mini program');

  const ours = here.replace('wx0123456789abcdef', 'wxsandbox000000000');
  const accept = new AsyncFunction('createRemoteJWKSet', 'jwtVerify', 'token', `${ours}return payload;`);
  expect(await accept(createRemoteJWKSet, jwtVerify, token)).toMatchObject({ sub: '1' });
});
