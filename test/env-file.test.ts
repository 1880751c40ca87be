import { mkdtempSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'dotenv';
import fc from 'fast-check';
import { describe, expect, inject, test } from 'vitest';
import { readEnvLines } from '../src/cli/env-lines.ts';
import { decodeEnvFile } from '../src/cli/env-text.ts';
import { isSetting } from '../src/config.ts';
import { run, runServer } from './support/process.ts';

const newFolder = () => mkdtempSync(join(inject('folder'), 'env-'));

/** What is read of a file with these bytes, or, as a text, what is wrong with it. */
function readBytes(bytes: Uint8Array) {
  const text = decodeEnvFile(bytes);
  return typeof text === 'string' ? readEnvLines(text, isSetting) : { settings: {}, problems: [text] };
}
const read = (text: string) => readBytes(Buffer.from(text));
const said = ({ problems }: ReturnType<typeof readBytes>) =>
  problems.map(({ line, says }) => `${line}: ${says}`);

/** Big-endian. */
const utf16be = (text: string) => Buffer.from(text, 'utf16le').swap16();
const WHOLE =
  'WX_APPID=wx0123456789abcdef\r\n# 张三\r\nWX_SECRET="0123456789abcdef0123456789abcdef"\r\nJWT_ISSUER=张三\r\n';
const SETTINGS = {
  WX_APPID: 'wx0123456789abcdef',
  WX_SECRET: '0123456789abcdef0123456789abcdef',
  JWT_ISSUER: '张三',
};

describe('a .env is read right', () => {
  test.each([
    ['UTF-8', Buffer.from(WHOLE)],
    ['UTF-8 with a byte order mark', Buffer.from(`\ufeff${WHOLE}`)],
    ['UTF-16, as the > of Windows PowerShell writes it', Buffer.from(`\ufeff${WHOLE}`, 'utf16le')],
    ['UTF-16 in the other order', utf16be(`\ufeff${WHOLE}`)],
    ['line feeds', Buffer.from(WHOLE.replaceAll('\r\n', '\n'))],
    ['carriage returns', Buffer.from(WHOLE.replaceAll('\r\n', '\r'))],
    ['no line break at its end', Buffer.from(WHOLE.trimEnd())],
    ['a comment in GBK', Buffer.concat([Buffer.from('# \xca\xfd\xbe\xdd\n', 'latin1'), Buffer.from(WHOLE)])],
    ['two files that were put together, each with its mark', Buffer.from(`\ufeff\ufeff${WHOLE}`)],
  ])('with %s', (_name, bytes) => {
    expect(readBytes(bytes)).toEqual({ settings: SETTINGS, problems: [] });
  });

  test.each([
    ['export WX_APPID=a', 'a'],
    ['  WX_APPID = a  ', 'a'],
    ['WX_APPID: a', 'a'],
    ['WX_APPID=a # a comment', 'a'],
    ["WX_APPID='a # b' # a comment", 'a # b'],
    ['WX_APPID="a#b"', 'a#b'],
    ['WX_APPID=`a"b`', 'a"b'],
    ['WX_APPID="two\nlines"', 'two\nlines'],
    ['WX_APPID="a\\nb"', 'a\nb'],
    ['WX_APPID=', ''],
    ['WX_APPID= # none', ''],
    ['WX_APPID=a=b==', 'a=b=='],
    ['WX_APPID=a\nWX_APPID=a', 'a'],
    ['WX_APPID=\u00a0a\u3000', 'a'],
  ])('%j', (text, value) => {
    expect(read(text)).toEqual({ settings: { WX_APPID: value }, problems: [] });
  });

  test('what others keep in it is theirs', () => {
    const text = 'COLOR=#fff\nNAME=“x”\nA=1\nA=2\nKEY="-----BEGIN-----\nQIDAQAB=\n-----END-----"\nWX_APPID=a';
    expect(read(text)).toMatchObject({
      settings: { A: '2', WX_APPID: 'a', KEY: expect.stringMatching(/END-----$/) },
      problems: [],
    });
  });

  test('.env.example is, with every comment taken away', () => {
    const example = readFileSync(new URL('../.env.example', import.meta.url), 'utf8');
    expect(read(example)).toEqual({ settings: {}, problems: [] });
    const { settings, problems } = read(example.replace(/^# ?(?=[A-Z_]+=)/gm, ''));
    expect(problems).toEqual([]);
    expect(Object.keys(settings).length).toBeGreaterThan(20);
  });
});

describe('what would be read otherwise than it was meant is named with its line, never with a value', () => {
  test.each([
    [
      'UTF-16 without a mark',
      Buffer.from('A=1\nWX_APPID=s3cret', 'utf16le'),
      /^1: is neither UTF-8 nor UTF-16 with a byte order mark/,
    ],
    ['UTF-16 without a mark, in the other order', utf16be('WX_APPID=s3cret'), /^1: is neither/],
    ['UTF-32', Buffer.from('\xff\xfe\0\0A\0\0\0', 'latin1'), /^1: is neither/],
    ['a NUL', Buffer.from('A=1\r\nWX_APPID=s3cret\0'), /^2: is neither .* NUL/],
    [
      'GBK',
      Buffer.from('A=1\nJWT_ISSUER=s3cret\xd5\xc5\xc8\xfd\n', 'latin1'),
      /^2: is not in UTF-8 \(GBK, or Latin-1\?\): save/,
    ],
    ['Latin-1', Buffer.from('JWT_ISSUER=s3cret\xe9', 'latin1'), /^1: is not in UTF-8/],
    ['a name in GBK', Buffer.from('\xd5\xc5=s3cret', 'latin1'), /^1: is not in UTF-8/],
  ])('%s', (_name, bytes, expected) => {
    const problems = said(readBytes(bytes));
    expect(problems).toEqual([expect.stringMatching(expected)]);
    expect(problems.join()).not.toContain('s3cret');
  });

  test.each([
    ['WX_APPID s3cret', /^1: sets nothing: write NAME=value/],
    ['WX_APPID', /^1: sets nothing/],
    ['export WX_APPID', /^1: sets nothing/],
    ['=s3cret', /^1: sets nothing/],
    ['WX APPID=s3cret', /^1: sets nothing/],
    ['WX_APPID:s3cret', /^1: sets nothing/],
    ['"WX_APPID": "s3cret"', /^1: sets nothing/],
    ['\n\r\nset WX_APPID=s3cret', /^3: sets nothing: it is a command of a shell/],
    ['$env:WX_APPID="s3cret"', /^1: sets nothing: it is a command of a shell/],
    ['WX_APPID＝s3cret', /^1: sets nothing: its sign is a full-width one/],
    ['ＷＸ_APPID=s3cret', /^1: sets nothing/],
    ['WX_APPID\u200b=s3cret', /^1: sets nothing: it has a character that is not seen/],
    ['WX_SECRET=s3c\u200bret', /^1: has a character that is not seen in the value of WX_SECRET/],
    ['# c\nWX_SECRET="s3cret', /^2: begins the value of WX_SECRET with a quote that is not closed/],
    [
      'WX_SECRET="s3cret"x',
      /^1: begins the value of WX_SECRET with a quote that is not closed, or has something behind/,
    ],
    ['WX_SECRET=“s3cret”', /^1: has the value of WX_SECRET in typographic quotes/],
    ['WX_SECRET=‘s3cret’', /^1: has the value of WX_SECRET in typographic quotes/],
    ['WX_SECRET=「s3cret」', /^1: has the value of WX_SECRET in typographic quotes/],
    ['WX_SECRET=s3#cret', /^1: has a # in the value of WX_SECRET/],
    ['DATABASE_URL=mysql://u:s3#cret@h/d # ours', /^1: has a # in the value of DATABASE_URL/],
    ['WX_APPID=a\nWX_APPID=s3cret', /^2: sets WX_APPID to another value than line 1 does: keep one of them/],
  ])('%j', (text, expected) => {
    const problems = said(read(text));
    expect(problems).toEqual([expect.stringMatching(expected)]);
    expect(problems.join()).not.toContain('s3');
  });

  test('a quote that is not closed swallows no other setting', () => {
    const { settings, problems } = read('WX_APPID="wx1\nWX_SECRET="2"\nJWT_ISSUER="x"\n');
    expect(settings).toMatchObject({ WX_SECRET: '2', JWT_ISSUER: 'x' });
    expect(problems).toEqual([{ line: 1, says: expect.stringMatching(/^begins the value of WX_APPID/) }]);
  });

  test('everything at once', () => {
    expect(said(read('WX_APPID\nWX_SECRET=“x”\n\n\nPORT=1#2')).map((text) => text.slice(0, 2))).toEqual([
      '1:',
      '2:',
      '5:',
    ]);
  });
});

test('where nothing is wrong, dotenv reads the same; whatever the bytes are, nothing is thrown', () => {
  const piece = fc.constantFrom(
    'WX_APPID',
    'A',
    '=',
    ': ',
    '"',
    "'",
    '`',
    '\n',
    '\r\n',
    '\r',
    ' ',
    '#',
    'x',
    'export ',
    '\\',
    '\\n',
    '张',
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
      const text = pieces.join('');
      const { settings, problems } = readEnvLines(text, () => true);
      if (problems.length === 0) expect(settings).toEqual(parse(text));
    }),
    { numRuns: 2000 },
  );
  fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => void readBytes(bytes)));
});

describe('from the command line', () => {
  /** Starts what must not start, and answers what it says. */
  async function refused(folder: string, env: Record<string, string> = {}, ...args: string[]) {
    const start = run(['start', ...args], { PORT: '0', ...env }, folder);
    expect(await start.ended, start.output()).toBe(1);
    return start.output();
  }

  test('each problem is said with its file, and no sandbox starts', async () => {
    const folder = newFolder();
    writeFileSync(join(folder, '.env'), 'NODE_ENV production\nWX_SECRET=“s3cret”\n');
    const output = await refused(folder);
    expect(output).toContain(`line 1 of ${folder}/.env sets nothing: write NAME=value`);
    expect(output).toContain(`line 2 of ${folder}/.env has the value of WX_SECRET in typographic quotes`);
    expect(output).not.toMatch(/s3cret|SANDBOX|listening/);
    const doctor = run(['doctor'], {}, folder);
    expect(await doctor.ended).toBe(1);
    expect(doctor.output().match(/^problem +settings: line \d of /gm)).toHaveLength(2);
    expect(doctor.output().match(/line 1 of/g)).toHaveLength(1);
  });

  test('a file that somebody thinks is read is named: .env.txt, a broken link, one that DOTENV_PATH or an argument names', async () => {
    const hidden = newFolder();
    writeFileSync(join(hidden, '.env.txt'), 'WX_APPID=wx0123456789abcdef\n');
    expect(await refused(hidden)).toContain(`${hidden}/.env.txt is not read: rename it to .env`);
    const linked = newFolder();
    symlinkSync('/nowhere/.env', join(linked, '.env'));
    expect(await refused(linked)).toContain(`${linked}/.env is a symbolic link that leads nowhere`);
    const folder = newFolder();
    expect(await refused(folder, { DOTENV_PATH: 'prod.env' })).toContain(
      `DOTENV_PATH names ${folder}/prod.env, which is not there`,
    );
    expect(await refused(folder, {}, '--config', 'prod.env')).toMatch(
      /^this command takes no arguments: .*DOTENV_PATH/,
    );
  });

  test('what Node reads itself (--env-file) is looked through, too', async () => {
    const folder = newFolder();
    writeFileSync(join(folder, 'prod.env'), Buffer.from('\ufeffWX_APPID=s3cret\n', 'utf16le').subarray(2));
    const main = new URL('../dist/cli/main.js', import.meta.url).pathname;
    const start = run([], {}, folder, {
      wrapper: ['sh', '-c', `exec "$1" --env-file=prod.env ${main}`, 'sh'],
    });
    expect(await start.ended).toBe(1);
    expect(start.output()).toContain(`line 1 of ${folder}/prod.env is neither UTF-8 nor UTF-16`);
  });

  test('one that sets nothing, or is emptied by the environment, is said at the start', async () => {
    const folder = newFolder();
    writeFileSync(join(folder, '.env'), '# WX_APPID=wx0123456789abcdef\n');
    const server = await runServer({}, folder);
    await server.prints(`.env that was read: ${folder}/.env, which sets nothing\n`);
    writeFileSync(join(folder, '.env'), 'WX_APPID=wx0123456789abcdef\n');
    const emptied = await runServer({ WX_APPID: '' }, folder);
    await emptied.prints(`${folder}/.env, except WX_APPID: empty in the environment, which goes first\n`);
    const doctor = run(['doctor'], { WX_APPID: '' }, folder);
    await doctor.ended;
    expect(doctor.output()).toMatch(/^warning +\.env: that was read: .*, except WX_APPID/m);
  });
});
