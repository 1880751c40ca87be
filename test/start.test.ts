import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, inject, onTestFinished, test } from 'vitest';
import { hasCommands } from './support/commands.ts';
import { freshMysql, mysqlUrl } from './support/engines.ts';
import { type How, run } from './support/process.ts';

const isRoot = process.getuid?.() === 0;
const wrapper = ['setpriv', '--bounding-set', '-dac_override,-dac_read_search,-fowner,-net_bind_service'];
const canStepDown = isRoot && hasCommands('setpriv');
const newFolder = () => mkdtempSync(join(inject('folder'), 'start-'));

/** Starts what cannot start, and answers what it says in its last words. */
async function refused(env: Record<string, string>, folder = newFolder(), how: How = {}): Promise<string> {
  const server = run(['start'], { PORT: '0', START_WAIT: '0', ...env }, folder, how);
  expect(await server.ended, server.output()).toBe(1);
  const said = server
    .output()
    .split('\n')
    .filter((line) => !line.startsWith('{'))
    .join('\n');
  expect(said).not.toMatch(/^ {4}at |node:internal|listens at/m);
  expect(said.trim().split('\n').length).toBeLessThanOrEqual(2);
  return said;
}

const whole = (() => {
  let file: Buffer | undefined;
  return async () => {
    if (file) return file;
    const made = run(['migrate'], { DATABASE_URL: 'sqlite:users.db' });
    expect(await made.ended).toBe(0);
    file = readFileSync(join(made.folder, 'users.db'));
    return file;
  };
})();

describe('a database file that is none is refused with the next step:', () => {
  test.each([
    ['a folder', (file) => mkdirSync(file), /is a folder: name a file/],
    ['a pipe', (file) => void execFileSync('mkfifo', [file]), /is a device, a pipe or a socket: name a file/],
    [
      'random bytes',
      (file) => writeFileSync(file, Buffer.alloc(8192, 'random bytes')),
      /is no database, or is damaged \(SQLITE_NOTADB\): restore a backup, or move it away/,
    ],
    ['a text', (file) => writeFileSync(file, 'hello'), /is no database, or is damaged/],
    [
      'cut in the middle',
      (file, content) => writeFileSync(file, content.subarray(0, content.length / 2)),
      /damaged \(SQLITE_CORRUPT\): restore a backup|is cut short/,
    ],
    [
      'cut within its last page',
      (file, content) => writeFileSync(file, content.subarray(0, -1000)),
      /is cut short: restore a backup/,
    ],
    ['a symbolic link to itself', (file) => symlinkSync(file, file), /cannot be used \(ELOOP/],
  ] as [string, (file: string, content: Buffer) => void, RegExp][])('%s', async (_name, make, expected) => {
    const folder = newFolder();
    make(join(folder, 'users.db'), await whole());
    const before = readdirSync(folder);
    expect(await refused({ DATABASE_URL: 'sqlite:users.db' }, folder)).toMatch(expected);
    expect(readdirSync(folder).filter((name) => !/-(?:wal|shm)$/.test(name))).toEqual(before);
  });

  test('in a file instead of a folder, or where no folder can be made', async () => {
    const folder = newFolder();
    writeFileSync(join(folder, 'data'), '');
    expect(await refused({}, folder)).toMatch(
      /^The database file .*data\/weapp-login.db cannot be used \(ENOTDIR: a part of the path is a file/,
    );
    expect(await refused({ DATABASE_URL: 'sqlite:/proc/here/users.db' })).toMatch(
      /^The database file \/proc\/here\/users.db cannot be used/,
    );
    expect(await refused({ DATABASE_URL: `sqlite:${'long'.repeat(100)}.db` })).toMatch(
      /ENAMETOOLONG: the name is too long/,
    );
  });
});

describe.runIf(canStepDown)('without the rights the start is refused with the next step:', () => {
  test('a read-only folder', async () => {
    const folder = newFolder();
    chmodSync(folder, 0o555);
    expect(await refused({}, folder, { wrapper })).toMatch(
      /^The database file .*data\/weapp-login.db cannot be used \(EACCES: .*chown or chmod/,
    );
    expect(readdirSync(folder)).toEqual([]);
  });

  test('a read-only folder with a database', async () => {
    const folder = newFolder();
    writeFileSync(join(folder, 'users.db'), await whole());
    chmodSync(folder, 0o555);
    expect(await refused({ DATABASE_URL: 'sqlite:users.db' }, folder, { wrapper })).toMatch(
      /^The database file users.db cannot be used \(EACCES/,
    );
  });

  test.each([
    ['a read-only file', 0o444, 0],
    ['a file of another user', 0o600, 65_534],
  ])('%s', async (_name, mode, owner) => {
    const folder = newFolder();
    const file = join(folder, 'users.db');
    writeFileSync(file, await whole());
    chmodSync(file, mode);
    chownSync(file, owner, owner);
    expect(await refused({ DATABASE_URL: 'sqlite:users.db' }, folder, { wrapper })).toMatch(
      /^The database file users.db cannot be used \(EACCES: the user that runs the server may not use it/,
    );
  });

  test('a .env that may not be read', async () => {
    const folder = newFolder();
    writeFileSync(join(folder, '.env'), 'PORT=0\n');
    chmodSync(join(folder, '.env'), 0);
    const server = run(['start'], {}, folder, { wrapper });
    expect(await server.ended).toBe(1);
    expect(server.output()).toMatch(/\.env cannot be read \(EACCES\): let this user read it, or remove it/);
    expect(existsSync(join(folder, 'data'))).toBe(false);
  });

  test.runIf(Number(readIfThere('/proc/sys/net/ipv4/ip_unprivileged_port_start')) > 80)(
    'a port that wants a right of its own',
    async () => {
      expect(await refused({ PORT: '80' }, newFolder(), { wrapper })).toMatch(
        /EACCES.*: ports below 1024 want a right of their own. Set PORT=8888/,
      );
    },
  );
});

describe('an address that cannot be listened on is refused with the next step:', () => {
  test.each([
    [
      'of another machine',
      '203.0.113.7',
      /EADDRNOTAVAIL.*203.0.113.7: this machine has no such address. Set HOST to one of its own/,
    ],
    [
      'that nobody knows',
      'no-such-host.invalid',
      /(?:ENOTFOUND|EAI_AGAIN).*no-such-host.invalid: .* Set HOST to an address of this machine/,
    ],
  ])('an address %s', async (_name, HOST, expected) => {
    expect(await refused({ HOST })).toMatch(expected);
  });

  test('a port that is taken', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    onTestFinished(() => void taken.close());
    const { port } = taken.address() as { port: number };
    expect(await refused({ PORT: String(port) })).toMatch(
      /another server has this port. Stop it, or set PORT/,
    );
  });
});

describe.runIf(mysqlUrl)('a MySQL server that refuses us', () => {
  test('because of the password', async () => {
    const database = await freshMysql();
    onTestFinished(database.drop);
    const url = new URL(database.url);
    url.username = 'nobody-of-this-server';
    url.password = 'wrong-password';
    const said = await refused({ DATABASE_URL: url.href, START_WAIT: '10m' });
    expect(said).toMatch(/Access denied for user[\s\S]*\nCompare the user and the password in DATABASE_URL/);
    expect(said).not.toContain('wrong-password');
  });

  test('because it has no such database', async () => {
    const url = new URL('no_such_database', mysqlUrl);
    expect(await refused({ DATABASE_URL: url.href, START_WAIT: '10m' })).toMatch(
      /Unknown database[\s\S]*\nCreate the database, or name another one in DATABASE_URL/,
    );
  });
});

describe('a Node that is too old', () => {
  const file = (path: string) => fileURLToPath(new URL(`../${path}`, import.meta.url));
  const as = (version: string, script: string) => {
    const disguise = `data:text/javascript,Object.defineProperty(process.versions, 'node', { value: '${version}' })`;
    return run([], { PORT: '0' }, newFolder(), {
      wrapper: [process.execPath, '--import', disguise, script, '--'],
    });
  };

  test.each(['0.12.18', '14.21.3', '16.20.2', '18.20.8', '20.18.3'])(
    '%s is told which one is needed',
    async (version) => {
      for (const script of ['check-node.cjs', 'dist/cli/main.js']) {
        const node = as(version, file(script));
        expect(await node.ended).toBe(1);
        expect(node.output()).toBe(
          `weapp-login needs Node >=20.19, and this is Node ${version}. Get a newer one from https://nodejs.org/en/download, or with nvm: nvm install 22\n`,
        );
        expect(readdirSync(node.folder)).toEqual([]);
      }
    },
  );

  test.each(['20.19.0', '20.20.1', '22.12.0', '24.0.0', '100.0.0'])('%s is not', async (version) => {
    const node = as(version, file('check-node.cjs'));
    expect(await node.ended, node.output()).toBe(0);
    expect(node.output()).toBe('');
  });

  test('can read what it is told by, and meets that first', () => {
    expect(readFileSync(file('dist/cli/main.js'), 'utf8')).not.toMatch(/\bawait\b|\?\?|\?\.|import .* from/);
    expect(readFileSync(file('check-node.cjs'), 'utf8')).not.toMatch(
      /=>|`|\b(?:const|let|class|async)\b|\?\?|\?\./,
    );
    const { scripts, files } = JSON.parse(readFileSync(file('package.json'), 'utf8'));
    expect(scripts.build).toMatch(/^node check-node.cjs && /);
    for (const name of ['prestart', 'pretest', 'premigrate', 'prepack'])
      expect(scripts[name]).toMatch(/^npm run --silent build\b/);
    expect(files).toContain('check-node.cjs');
  });
});

function readIfThere(path: string): string {
  return existsSync(path) ? readFileSync(path, 'utf8') : '0';
}
