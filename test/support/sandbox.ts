import { createHmac } from 'node:crypto';
import { onTestFinished } from 'vitest';
import { type RunningSandbox, type SandboxOptions, startSandbox } from '../../src/sandbox/start.ts';
import type { Answer } from './app.ts';

export const MINUTE = 60_000;

export interface TestSandbox extends RunningSandbox {
  /** A request with a JSON body, or a text as it is; the answer is parsed where it is JSON. */
  ask(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
  /** code2Session with the right credentials. */
  session(code: string, changes?: Record<string, string>): Promise<Answer['body']>;
  /** A good access_token, of stable_token. */
  accessToken(): Promise<string>;
  stableToken(body?: object): Promise<Answer['body']>;
  /** An endpoint with a good access_token. */
  wxa(method: string, path: string, body?: unknown): Promise<Answer['body']>;
}

/** Starts a sandbox of its own, whose clock stands still; it ends with the test. */
export async function openSandbox(options: SandboxOptions = {}): Promise<TestSandbox> {
  const start = new Date('2026-03-01T04:00:00Z');
  const sandbox = await startSandbox({ now: () => start, ...options });
  onTestFinished(() => sandbox.close());
  const { appid, secret } = sandbox;

  const opened: TestSandbox = {
    ...sandbox,
    async ask(method, path, body, headers = {}) {
      const response = await fetch(sandbox.url + path, {
        method,
        headers: { ...(body !== undefined && { 'Content-Type': 'application/json' }), ...headers },
        ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      });
      return {
        status: response.status,
        headers: response.headers,
        body: parsed(await response.text()),
      };
    },
    async session(code, changes = {}) {
      const query = { appid, secret, js_code: code, grant_type: 'authorization_code', ...changes };
      return (await opened.ask('GET', `/sns/jscode2session?${new URLSearchParams(query)}`)).body;
    },
    async stableToken(body = {}) {
      const request = { grant_type: 'client_credential', appid, secret, ...body };
      return (await opened.ask('POST', '/cgi-bin/stable_token', request)).body;
    },
    accessToken: async () => (await opened.stableToken()).access_token,
    async wxa(method, path, body) {
      const join = path.includes('?') ? '&' : '?';
      const token = await opened.accessToken();
      return (await opened.ask(method, `/wxa/${path}${join}access_token=${token}`, body)).body;
    },
  };
  return opened;
}

/** The session signature, made without the sandbox's code. */
export function signatureOf(sessionKey: string, data = ''): string {
  return createHmac('sha256', sessionKey).update(data).digest('hex');
}

function parsed(text: string): Answer['body'] {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
