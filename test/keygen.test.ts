import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'dotenv';
import { describe, expect, inject, test } from 'vitest';
import { ConfigError, loadConfig } from '../src/config.ts';
import { JWT_SECRET, realSettings } from './support/app.ts';
import { ec, fileOf, pemOf, publicOf, rsa, thumbprintOf } from './support/keys.ts';
import { run, runServer } from './support/process.ts';

const [EC, RSA] = [ec(), rsa()];
const CURVE = '-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n';

describe('key files', () => {
  const REAL = realSettings('https://api.weixin.qq.com');
  const problemsOf = (env: Record<string, string>): readonly string[] => {
    try {
      loadConfig({ ...REAL, ...env });
      return [];
    } catch (error) {
      if (error instanceof ConfigError) return error.problems;
      throw error;
    }
  };
  const passphrase = { cipher: 'aes-256-cbc', passphrase: 'a passphrase' };
  const withoutBody = (pem: string) => pem.split('\n').slice(0, 2).join('\n');
  const ed25519 = generateKeyPairSync('ed25519').privateKey;
  const pss = generateKeyPairSync('rsa-pss', { modulusLength: 2048 }).privateKey;

  test.each([
    ['EC in PKCS#8', pemOf(EC)],
    ['EC as openssl ecparam writes it', CURVE + EC.export({ type: 'sec1', format: 'pem' }).toString()],
    ['RSA in PKCS#8', pemOf(RSA)],
    ['RSA in PKCS#1', RSA.export({ type: 'pkcs1', format: 'pem' }).toString()],
    ['with text around it and Windows’ line ends', `Key\r\n${pemOf(EC).replaceAll('\n', '\r\n')}\r\n`],
  ])('%s is taken', (_name, pem) => {
    const file = fileOf(pem);
    const { jwt } = loadConfig({ ...REAL, JWT_PRIVATE_KEY_FILE: file, JWT_PREVIOUS_KEY_FILES: file });
    expect([jwt.privateKey?.type, ...jwt.previousKeys.map(({ type }) => type)]).toEqual([
      'private',
      'public',
    ]);
  });

  const unsuitable = [
    ['text that is not PEM', JWT_SECRET, /is not PEM/],
    ['an empty file', '', /is not PEM/],
    ['a PEM that is cut short', withoutBody(pemOf(RSA)), /is it cut short/],
    ['a passphrase', EC.export({ type: 'pkcs8', format: 'pem', ...passphrase }), /passphrase/],
    ['an old passphrase', RSA.export({ type: 'pkcs1', format: 'pem', ...passphrase }), /passphrase/],
    ['P-384', pemOf(ec('P-384')), /\(ec secp384r1\): it must be EC P-256 or RSA/],
    ['secp256k1', pemOf(ec('secp256k1')), /\(ec secp256k1\): it must be/],
    ['Ed25519', pemOf(ed25519), /\(ed25519\): it must be/],
    ['RSA-PSS', pemOf(pss), /\(rsa-pss 2048\): it must be/],
    ['RSA of 1024 bits', pemOf(rsa(1024)), /\(rsa 1024\): it must be .* at least 2048 bits/],
  ] as const;

  test.each(unsuitable)('%s is refused', (_name, content, expected) => {
    const [good, file] = [fileOf(EC), fileOf(content.toString())];
    const problems = problemsOf({ JWT_PRIVATE_KEY_FILE: file, JWT_PREVIOUS_KEY_FILES: `${good},${file}` });
    expect(problems).toHaveLength(2);
    expect(problems[0]).toMatch(/^JWT_PRIVATE_KEY_FILE names /);
    expect(problems[1]).toMatch(/^JWT_PREVIOUS_KEY_FILES \(number 2\) names /);
    for (const problem of problems) {
      expect(problem).toMatch(expected);
      expect(problem).not.toContain(file);
    }
  });

  test('signing needs the private key', () => {
    const problems = problemsOf({ JWT_PRIVATE_KEY_FILE: fileOf(publicOf(EC)) });
    expect(problems).toEqual([expect.stringMatching(/^JWT_PRIVATE_KEY_FILE names .* public key only/)]);
  });

  test('a file that is not there, that is a folder, or that may not be read is told apart', () => {
    const file = fileOf(EC);
    const problemOf = (name: string) => problemsOf({ JWT_PRIVATE_KEY_FILE: name }).join();
    expect(problemOf(`${file}.77`)).toMatch(/^JWT_PRIVATE_KEY_FILE names a file that does not exist/);
    expect(problemOf(`${file}.77`)).not.toContain('77');
    expect(problemOf(inject('folder'))).toMatch(/^JWT_PRIVATE_KEY_FILE names .* cannot be read \(EISDIR\)/);
    chmodSync(file, 0);
    const withoutRights = asNobody(() => problemOf(file));
    expect(withoutRights).toMatch(/^JWT_PRIVATE_KEY_FILE names a file that the server’s user may not read/);
  });

  test('a key does not take the place of JWT_SECRET', () => {
    const problems = problemsOf({ JWT_SECRET: '', JWT_PRIVATE_KEY_FILE: fileOf(EC) });
    expect(problems).toEqual([expect.stringMatching(/^JWT_SECRET is not set.*weapp-login keygen/)]);
  });

  /** Root may read everything, so it steps down for a moment. */
  function asNobody<T>(work: () => T): T {
    const isRoot = process.geteuid?.() === 0;
    if (isRoot) process.seteuid?.(65_534);
    try {
      return work();
    } finally {
      if (isRoot) process.seteuid?.(0);
    }
  }
});

describe('weapp-login keygen', () => {
  const keygen = (...args: string[]) => run(['keygen', ...args], {}, undefined, { private: true });

  test('makes a secret, as a line for .env, whatever the settings are', async () => {
    const wrong = { NODE_ENV: 'production', PORT: 'x' };
    const [one, two] = [keygen(), run(['keygen'], wrong, undefined, { private: true })];
    expect(await Promise.all([one.ended, two.ended])).toEqual([0, 0]);
    expect(one.output()).toMatch(/^JWT_SECRET=[\w+/]{64}\n$/);
    expect(two.output()).not.toBe(one.output());
    const env = parse(one.output());
    expect(loadConfig({ ...realSettings('http://x'), ...env }).jwt.secret).toBe(env['JWT_SECRET']);
  });

  test.each([
    ['es256', { namedCurve: 'prime256v1' }],
    ['rs256', { modulusLength: 3072 }],
  ])('%s makes a private key in a new file that only its owner may read', async (algorithm, details) => {
    const made = keygen(algorithm, 'key.pem');
    expect(await made.ended).toBe(0);
    expect(parse(made.output())).toEqual({ JWT_PRIVATE_KEY_FILE: 'key.pem' });
    expect(made.output()).toMatch(/JWT_PREVIOUS_KEY_FILES/);
    const file = join(made.folder, 'key.pem');
    const pem = readFileSync(file, 'utf8');
    expect((statSync(file).mode & 0o777).toString(8)).toBe('600');
    expect(pem).toMatch(/^-----BEGIN PRIVATE KEY-----\n/);
    expect(createPrivateKey(pem).asymmetricKeyDetails).toMatchObject(details);
    expect(loadConfig({ JWT_PRIVATE_KEY_FILE: file }).jwt.privateKey?.equals(createPrivateKey(pem))).toBe(
      true,
    );

    const again = run(['keygen', algorithm, 'key.pem'], {}, made.folder, { private: true });
    expect(await again.ended).toBe(1);
    expect(again.output()).toBe('key.pem is there already: name a new file\n');
    expect(readFileSync(file, 'utf8')).toBe(pem);

    const other = run(['keygen', algorithm, 'other.pem'], {}, made.folder, { private: true });
    expect(await other.ended).toBe(0);
    expect(readFileSync(join(made.folder, 'other.pem'), 'utf8')).not.toBe(pem);
  });

  test('what it prints, put into .env, is what the server signs with', async () => {
    const made = keygen('es256', 'key.pem');
    expect(await made.ended).toBe(0);
    writeFileSync(join(made.folder, '.env'), made.output());
    const server = await runServer({}, made.folder);
    const { keys } = (await (await fetch(`${server.url}/.well-known/jwks.json`)).json()) as {
      keys: { kid: string }[];
    };
    const key = createPrivateKey(readFileSync(join(made.folder, 'key.pem')));
    expect(keys.map(({ kid }) => kid)).toEqual([await thumbprintOf(key)]);
  });

  test.each([
    [['es256'], /^usage: weapp-login keygen /],
    [['hs256', 'key.pem'], /^usage: weapp-login keygen /],
    [['key.pem'], /^usage: weapp-login keygen /],
    [['es256', 'key.pem', 'more'], /^usage: weapp-login keygen /],
    [['--es256'], /^Unknown option '--es256'/],
    [['es256', 'nowhere/key.pem'], /^nowhere\/key.pem cannot be written \(ENOENT\): is its folder there/],
  ])('%j is refused with a sentence', async (args, expected) => {
    const wrong = keygen(...args);
    expect(await wrong.ended).toBe(1);
    expect(wrong.output()).toMatch(expected);
    expect(wrong.output()).not.toMatch(/ {4}at /);
  });
});
