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

afterAll(() => {
  const all = logged.join('\n');
  const leaked = [...secrets].filter((secret) => all.includes(secret));
  expect(leaked, 'secrets, codes, session_keys, tokens or openids in the log').toEqual([]);
});
