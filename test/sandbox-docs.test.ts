import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { STANDALONE_APPID } from '../src/sandbox/start.ts';
import { SANDBOX_SECRET } from '../src/sandbox/wechat.ts';
import { hasCommands } from './support/commands.ts';
import { openSandbox } from './support/sandbox.ts';

const page = readFileSync(new URL('../docs/sandbox.md', import.meta.url), 'utf8');
const blocks = [...page.matchAll(/```(?:sh|ts)\n([\s\S]*?)```/g)].map((match) => match[1] ?? '');

test.runIf(hasCommands('curl'))(
  'docs/sandbox.md’s curl lines work as pasted, one after the other',
  async () => {
    const lines = blocks.flatMap((block) => block.split('\n')).filter((line) => line.startsWith('curl'));
    expect(lines.length).toBeGreaterThan(20);
    const sandbox = await openSandbox({ wait: async () => undefined });
    const host = new URL(sandbox.url).host;
    for (const line of lines) {
      const here = line.replace('localhost:9000', host).replace('curl -s', "curl -s -w '\\n%{http_code}'");
      const { stdout } = await promisify(execFile)('sh', ['-c', here]);
      const [status = '', ...answer] = stdout.split('\n').reverse();
      expect(status, line).toBe('200');
      expect(() => JSON.parse(answer.join('')), line).not.toThrow();
    }
  },
);

test('docs/sandbox.md names the app that the sandbox has by default', () => {
  expect(blocks).toContainEqual(
    `WX_API_BASE=http://127.0.0.1:9000\nWX_APPID=${STANDALONE_APPID}\nWX_SECRET=${SANDBOX_SECRET}\n`,
  );
});
