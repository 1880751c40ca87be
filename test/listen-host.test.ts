import { hostname } from 'node:os';
import { expect, test } from 'vitest';
import { type ConfigError, loadConfig } from '../src/config.ts';
import { run } from './support/process.ts';

const REAL = {
  WX_APPID: 'wx4f4bc4dec97d474b',
  WX_SECRET: '0f1e2d3c4b5a69788796a5b4c3d2e1f0',
  JWT_SECRET: 'k8Zq3vN1xR7tY5uW2mP9sD4fG6hJ0aBc',
};

function problemsOf(env: Record<string, string>): readonly string[] {
  try {
    loadConfig(env);
    return [];
  } catch (error) {
    return (error as ConfigError).problems;
  }
}

test.each<[string, string, RegExp]>([
  ['conda’s compilers', 'x86_64-conda-linux-gnu', /^HOST is what conda sets.*HOST=127\.0\.0\.1/],
  ['an older conda', 'x86_64-conda_cos6-linux-gnu', /^HOST is what conda sets/],
  ['conda on ARM', 'aarch64-conda-linux-gnu', /^HOST is what conda sets/],
  ['conda on a Mac', 'arm64-apple-darwin20.0.0', /^HOST is what conda sets/],
  ['a cross compiler', 'x86_64-w64-mingw32', /^HOST is what conda sets/],
  ['a URL', 'http://localhost', /^HOST must be an address or a name alone.*PORT/],
  ['a port', 'localhost:8888', /^HOST must be an address or a name alone/],
  ['a port of IPv6', '[::1]:8888', /^HOST must be an address or a name alone/],
  ['a zone, in the sandbox', 'fe80::1%eth0', /^HOST has a zone.*HOST=::1/],
])('HOST of %s is named, with what to set', (_name, HOST, says) => {
  expect(problemsOf({ HOST })).toEqual([expect.stringMatching(says)]);
});

test.each([
  ['127.0.0.1', '127.0.0.1'],
  ['0.0.0.0', '0.0.0.0'],
  ['::', '::'],
  ['[::1]', '::1'],
  ['localhost', 'localhost'],
  ['web-1.internal', 'web-1.internal'],
  ['arm-server-1', 'arm-server-1'],
])('HOST=%s is taken', (HOST, host) => {
  const config = loadConfig({ HOST });
  expect([config.host, config.warnings]).toEqual([host, []]);
});

test('a zone is taken where no sandbox needs a URL of it', () => {
  expect(loadConfig({ ...REAL, HOST: 'fe80::1%eth0' }).host).toBe('fe80::1%eth0');
});

test('the name of the machine, as zsh and csh set it, is named; where it stands in .env it is meant', () => {
  const env = { HOST: hostname() };
  expect(loadConfig(env).warnings).toEqual([
    expect.stringMatching(/^HOST is the name of this machine, as csh and zsh/),
  ]);
  expect(loadConfig(env, ['HOST']).warnings).toEqual([]);
});

test.each(['tcp://10.0.0.1:80', 'udp://10.0.0.1:80'])('PORT=%s is named as what set it', (PORT) => {
  expect(problemsOf({ PORT })).toEqual([
    expect.stringMatching(/^PORT is what links of Docker and Services of Kubernetes set.*PORT=8888$/),
  ]);
});

test('a start with such a HOST ends with one sentence, and no trace', async () => {
  const start = run(['start'], { HOST: 'fe80::1%eth0', PORT: '0' });
  expect(await start.ended).toBe(1);
  expect(start.output()).toMatch(
    /^The configuration has 1 problem\(s\):\n {2}- HOST has a zone .*\n\.env that was read: .*\n$/,
  );
  const sandbox = run(['sandbox', '--host', 'fe80::1%eth0']);
  expect(await sandbox.ended).not.toBe(0);
  expect(sandbox.output()).toMatch(/--host must be without a zone/);
  expect(sandbox.output()).not.toContain('    at ');
});
