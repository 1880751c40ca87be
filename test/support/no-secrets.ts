import { afterAll, expect } from 'vitest';

/** Everything that was logged in this test file, and everything that must not be in there. */
const logged: string[] = [];
const secrets = new Set<string>();

/** Takes a line of a log, of whatever server or process. */
export function keepLog(line: string): void {
  logged.push(line);
}

/** Registers a secret, code, session_key, token, openid or phone number of this test file. */
export function keepSecret(secret: string | undefined): void {
  if (secret && secret.length >= 8) secrets.add(secret);
}

/** Registers the secrets that a reply of a server holds. */
export function keepSecretsOf(reply: unknown): void {
  if (typeof reply !== 'object' || reply === null) return;
  for (const [name, value] of Object.entries(reply)) {
    if (typeof value === 'object') keepSecretsOf(value);
    const isSecret = ['code', 'token', 'session_key', 'openid', 'encryptedData', 'signature'].includes(name);
    // `code` is also where a failure has its name.
    if (isSecret && typeof value === 'string' && !/^[a-z_]+$/.test(value))
      keepSecret(value.replace(/^Bearer /, ''));
  }
}

/** What a test gets from a server over HTTP, whatever way it asks. */
const { fetch: ask } = globalThis;
globalThis.fetch = async (...args) => {
  const response = await ask(...args);
  if (/json|text\/plain/.test(response.headers.get('content-type') ?? '')) {
    const text = await response.clone().text();
    try {
      keepSecretsOf(JSON.parse(text));
    } catch {
      // a text that is not JSON
    }
  }
  return response;
};

const PART = 16;

/** A part of a secret tells too: any 16 characters of it, but for the start that all tokens share. */
function partsOf(secret: string): string[] {
  const told = secret.replace(/^eyJ[\w-]*\./, '');
  return Array.from({ length: Math.max(0, told.length - PART + 1) }, (_, i) => told.slice(i, i + PART));
}

afterAll(() => {
  const parts = new Set([...secrets].flatMap(partsOf));
  const short = [...secrets].filter((secret) => secret.length < PART);
  const leaks = logged.filter((written) => {
    // An appid is no secret; the sandbox's stands in its secret, which is published.
    const line = written.replace(/\bwx[0-9a-f]{16}\b/g, '');
    for (let i = 0; i + PART <= line.length; i++) if (parts.has(line.slice(i, i + PART))) return true;
    return short.some((secret) => line.includes(secret));
  });
  expect(leaks, 'lines of a log with a part of a secret, code, session_key, token or openid').toEqual([]);
});
