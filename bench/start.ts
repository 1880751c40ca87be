import { fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { ordersCall } from './orders.ts';
import { stores } from './stores.ts';
import type { Variant } from './variants.ts';

/** A variant whose server runs, and whose users are logged in. */
export interface Started {
  readonly name: string;
  readonly port: number;
  /** A call of `GET /orders` by each user. */
  readonly calls: readonly Buffer[];
  /** The CPU time that its server has taken so far, in microseconds. */
  cpu(): Promise<number>;
}

export interface Surroundings {
  /** Where the stores keep their files. */
  readonly folder: string;
  readonly users: number;
  /** Takes what is to be undone at the end. */
  readonly atEnd: (undo: () => Promise<unknown>) => void;
}

// As it is built: this file is JavaScript by then.
const SERVER = fileURLToPath(new URL('server.js', import.meta.url));

/**
 * Starts the server of a variant, logs users in, and sees that it refuses whom it says it refuses.
 * @returns undefined where the machine lacks its store
 */
export async function start(
  variant: Variant,
  { folder, users, atEnd }: Surroundings,
): Promise<Started | undefined> {
  const store = await stores[variant.store ?? 'SQLite'](folder);
  if (!store) return undefined;
  atEnd(store.close);

  const JWT_SECRET = randomBytes(48).toString('base64');
  const settings = { ...store.settings, JWT_SECRET, LOGIN_RATE_LIMIT: '100000', ...variant.settings };
  // Nothing else of our environment: a setting in there would be measured too.
  const child = fork(SERVER, [variant.name], {
    env: { PATH: process.env['PATH'], ...settings },
    execArgv: [],
  });
  const exit = once(child, 'exit');
  const died = exit.then(([code, signal]) => {
    throw new Error(`the server of "${variant.name}" ended: ${code ?? signal}`);
  });
  died.catch(() => undefined); // at the end it is killed on purpose
  atEnd(async () => {
    child.kill('SIGKILL');
    await exit;
  });
  const said = () => Promise.race([once(child, 'message').then(([message]) => message as unknown), died]);

  const port = (await said()) as number;
  const url = `http://127.0.0.1:${port}`;
  const tokens: string[] = [];
  for (let user = 1; user <= users; user++) tokens.push(await logIn(url, `user ${user}`));
  await seeRefusals(url, variant);
  return {
    name: variant.name,
    port,
    calls: tokens.map(ordersCall),
    async cpu() {
      child.send('cpu');
      const { user, system } = (await said()) as NodeJS.CpuUsage;
      return user + system;
    },
  };
}

async function logIn(url: string, user: string): Promise<string> {
  const button = await post(`${url}/sandbox/login-button`, { user });
  const { token } = (await (await post(`${url}/api/wxuser`, await button.json())).json()) as {
    token: string;
  };
  return token;
}

/** A variant that lets anybody through would be fast for nothing. */
async function seeRefusals(url: string, { name, checks }: Variant): Promise<void> {
  const good = await logIn(url, 'Eve');
  const ended = await logIn(url, 'Eve');
  await post(`${url}/api/wxuser/logout`, {}, ended);
  const at = good.lastIndexOf('.') + 9;
  const forged = good.slice(0, at) + (good[at] === 'A' ? 'B' : 'A') + good.slice(at + 1);

  const attempts = {
    'a good token': good,
    'no token': '',
    'a forged token': forged,
    'an ended session': ended,
  };
  const refusedBy = {
    nothing: [],
    token: ['no token', 'a forged token'],
    session: ['no token', 'a forged token', 'an ended session'],
  };
  const refused: readonly string[] = refusedBy[checks];
  for (const [what, token] of Object.entries(attempts)) {
    const { status } = await fetch(`${url}/orders`, {
      headers: token === '' ? {} : { Authorization: token },
    });
    const expected = refused.includes(what) ? 401 : 200;
    if (status !== expected) throw new Error(`${name}: ${what} gets ${status} instead of ${expected}`);
  }
}

function post(url: string, body: unknown, token = ''): Promise<Response> {
  const headers = { 'Content-Type': 'application/json', Authorization: token };
  return fetch(url, { method: 'POST', headers, body: JSON.stringify(body) });
}
