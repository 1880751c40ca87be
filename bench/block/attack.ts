import { fork } from 'node:child_process';
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { request } from 'node:http';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { median } from '../report.ts';
import type { Attacker, Case, Sent } from './case.ts';

// As it is built: this file is JavaScript by then.
const SERVER = fileURLToPath(new URL('server.js', import.meta.url));

/** How long one request held the server. */
export interface Block {
  readonly route: string;
  readonly name: string;
  /** What the server said, 0 where it closed the connection. */
  readonly status: number;
  /** In milliseconds, of all times that it was sent. */
  readonly median: number;
  readonly most: number;
}

/** Starts a server, sends it each request so many times, and ends it. The cases have the same settings. */
export async function attack(cases: readonly Case[], times: number, folder: string): Promise<Block[]> {
  const callbackToken = randomBytes(16).toString('hex');
  const child = fork(SERVER, {
    env: {
      PATH: process.env['PATH'],
      DATABASE_URL: `sqlite:${join(folder, `${randomUUID()}.db`)}`,
      JWT_SECRET: randomBytes(48).toString('base64'),
      LOGIN_RATE_LIMIT: '1000000',
      WX_CALLBACK_TOKEN: callbackToken,
      ...cases[0]?.settings,
    },
    execArgv: [],
  });
  const exit = once(child, 'exit');
  const died = exit.then(([code, signal]) => {
    throw new Error(`the server ended: ${code ?? signal}`);
  });
  died.catch(() => undefined); // at the end it is killed on purpose
  const said = () => Promise.race([once(child, 'message').then(([message]) => Number(message)), died]);
  const longest = () => {
    const answer = said();
    child.send('longest');
    return answer;
  };

  try {
    const port = await said();
    const attacker = await arm(port, callbackToken);
    const blocks: Block[] = [];
    for (const { route, name, request } of cases) {
      const took: number[] = [];
      let status = 0;
      for (let time = 0; time < times; time++) {
        const sent = await request(attacker);
        await longest(); // what getting it ready took
        status = (await send(port, sent)).status;
        took.push(await longest());
      }
      blocks.push({ route, name, status, median: median(took), most: Math.max(...took) });
    }
    return blocks;
  } finally {
    child.kill('SIGKILL');
    await exit;
  }
}

/** Logs a user in, whose session stays: later logins are another's. */
async function arm(port: number, callbackToken: string): Promise<Attacker> {
  const post = async (path: string, body: object) => {
    const headers = { 'Content-Type': 'application/json' };
    const { text } = await send(port, { method: 'POST', path, headers, body: JSON.stringify(body) });
    return JSON.parse(text) as Record<string, string>;
  };
  const { token = '' } = await post('/api/wxuser', await post('/sandbox/login-button', { user: 'Ada' }));
  return {
    token,
    code: async () => (await post('/sandbox/wx/login', { user: 'Eve' }))['code'] ?? '',
    signed() {
      const timestamp = String(Math.floor(Date.now() / 1000));
      const nonce = randomUUID();
      const parts = [callbackToken, timestamp, nonce].sort().join('');
      const signature = createHash('sha1').update(parts).digest('hex');
      return `timestamp=${timestamp}&nonce=${nonce}&signature=${signature}`;
    },
  };
}

/** A connection of its own for each: a refusal may close it, also while the body is on its way. */
async function send(port: number, { method = 'GET', path, headers, body }: Sent) {
  const length = body === undefined ? {} : { 'Content-Length': Buffer.byteLength(body) };
  const options = { host: '127.0.0.1', port, method, path, headers: { ...length, ...headers }, agent: false };
  return new Promise<{ status: number; text: string }>((resolve) => {
    let status = 0;
    let text = '';
    const end = () => resolve({ status, text });
    const asked = request(options, (answer) => {
      status = answer.statusCode ?? 0;
      answer.setEncoding('utf8').on('data', (part: string) => {
        text += part;
      });
      answer.on('close', end);
    });
    asked.on('error', end).end(body);
  });
}
