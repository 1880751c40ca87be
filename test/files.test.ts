import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, inject, test } from 'vitest';
import { createDiskStore } from '../src/avatars/disk.ts';
import { loadConfig } from '../src/config.ts';
import { readPrivateKey, readPublicKey } from '../src/key-file.ts';
import { realSettings } from './support/app.ts';
import { hasCommands } from './support/commands.ts';
import { ec, fileOf, publicOf } from './support/keys.ts';
import { run, runServer } from './support/process.ts';

const isRoot = process.getuid?.() === 0;
/** Root as anybody else: files that are not its own are out of its reach. */
const wrapper = ['setpriv', '--bounding-set', '-dac_override,-dac_read_search,-fowner,-chown'];
const canStepDown = isRoot && hasCommands('setpriv');
const newFolder = () => mkdtempSync(join(inject('folder'), 'files-'));
const rightsOf = (path: string) => (lstatSync(path).mode & 0o777).toString(8);

async function login(url: string) {
  const post = (path: string, body: object) =>
    fetch(url + path, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    });
  const button = (await (await post('/sandbox/login-button', { user: 'Ada' })).json()) as object;
  expect((await post('/api/wxuser', button)).status).toBe(200);
}

/** Every file and folder below one, with its rights. */
function treeOf(folder: string): Record<string, string> {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  return Object.fromEntries(names.map((name) => [name, rightsOf(join(folder, name))]));
}

test('what the server makes, its owner alone can read, whatever the umask is', async () => {
  const server = await runServer({ DATABASE_URL: 'sqlite:deep/data/users.db' }, undefined, {
    wrapper: ['sh', '-c', 'umask 0; exec "$@"', 'sh'],
  });
  await login(server.url);
  expect(treeOf(server.folder)).toEqual({
    deep: '700',
    'deep/data': '700',
    'deep/data/sandbox-jwt-secret': '600',
    'deep/data/users.db': '600',
    'deep/data/users.db-shm': '600',
    'deep/data/users.db-wal': '600',
  });
});

test('what an earlier version made for everybody to read is closed at the start; the folder above stays as it is', async () => {
  const first = await runServer();
  await login(first.url);
  first.child.kill('SIGKILL'); // so that the WAL stays
  await first.ended;
  const data = join(first.folder, 'data');
  mkdirSync(join(data, 'avatars/unfinished'), { recursive: true });
  const picture = `avatars/${'a'.repeat(64)}.jpg`;
  const foreign = join(first.folder, 'foreign.txt');
  for (const file of [join(data, picture), join(data, 'avatars/.notes'), foreign])
    writeFileSync(file, 'a text');
  symlinkSync(foreign, join(data, `avatars/${'b'.repeat(64)}.jpg`));
  const shared = [join(data, 'avatars/.notes'), foreign];
  for (const file of shared) chmodSync(file, 0o644);
  for (const name of ['.', 'avatars', 'avatars/unfinished']) chmodSync(join(data, name), 0o755);
  for (const name of ['weapp-login.db', 'weapp-login.db-wal', 'weapp-login.db-shm', picture])
    chmodSync(join(data, name), 0o644);
  const second = await runServer({}, first.folder);
  await login(second.url);
  expect(treeOf(data)).toEqual({
    avatars: '700',
    [picture]: '600',
    [`avatars/${'b'.repeat(64)}.jpg`]: '777', // a link's own say nothing
    'avatars/.notes': '644',
    'avatars/unfinished': '700',
    'sandbox-jwt-secret': '600',
    'weapp-login.db': '600',
    'weapp-login.db-shm': '600',
    'weapp-login.db-wal': '600',
  });
  expect(rightsOf(data)).toBe('755');
  // What is not ours in there, and what a link leads to, keeps its rights.
  expect(shared.map(rightsOf)).toEqual(['644', '644']);
});

test('a folder that is made for everybody stays so, and is said to be shared', () => {
  const folder = newFolder();
  chmodSync(folder, 0o1777);
  const warnings: string[] = [];
  createDiskStore(folder, undefined, (problem) => void warnings.push(problem));
  expect(warnings).toEqual([
    expect.stringMatching(/other users of this machine use .* too: name a file or folder/),
  ]);
  expect(rightsOf(folder)).toBe('777');
});

test('a folder that holds more than pictures keeps its rights, its pictures do not', () => {
  const folder = newFolder();
  chmodSync(folder, 0o755);
  const picture = `${'a'.repeat(64)}.jpg`;
  for (const name of [picture, 'package.json']) writeFileSync(join(folder, name), '{}');
  for (const name of [picture, 'package.json']) chmodSync(join(folder, name), 0o644);
  const warnings: string[] = [];
  createDiskStore(folder, undefined, (problem) => void warnings.push(problem));
  expect(warnings).toEqual([expect.stringMatching(/holds more than pictures/)]);
  expect([rightsOf(folder), treeOf(folder)]).toEqual(['755', { [picture]: '600', 'package.json': '644' }]);
});

test('a picture is its owner’s alone, from its first byte on', async () => {
  const folder = join(newFolder(), 'pictures');
  await createDiskStore(folder, undefined, () => expect.fail('there is nothing to warn of')).put(
    'a.jpg',
    Buffer.from('x'),
  );
  expect(rightsOf(folder)).toBe('700');
  expect(treeOf(folder)).toEqual({ 'a.jpg': '600', unfinished: '700' });
});

describe('a backup', () => {
  test('is its owner’s alone, and not written through a symbolic link', async () => {
    const server = await runServer();
    const backup = run(['backup', 'copy.db'], {}, server.folder, {
      wrapper: ['sh', '-c', 'umask 0; exec "$@"', 'sh'],
    });
    expect(await backup.ended, backup.output()).toBe(0);
    expect(rightsOf(join(server.folder, 'copy.db'))).toBe('600');
    expect(statSync(join(server.folder, 'copy.db')).size).toBeGreaterThan(0);

    symlinkSync('elsewhere.db', join(server.folder, 'link.db'));
    const linked = run(['backup', 'link.db'], {}, server.folder);
    expect(await linked.ended).toBe(1);
    expect(linked.output()).toBe('link.db is there already: name a new file\n');
    expect(existsSync(join(server.folder, 'elsewhere.db'))).toBe(false);
  });

  test('that cannot be made leaves nothing, and says why', async () => {
    const nowhere = run(['backup', 'copy.db']);
    expect(await nowhere.ended).toBe(1);
    expect(nowhere.output()).toMatch(
      /^There is no database at .*\/data\/weapp-login\.db: run this in the folder of the server/,
    );
    expect(readdirSync(nowhere.folder)).toEqual([]);

    const made = run(['migrate']);
    await made.ended;
    const folder = run(['backup', 'no-folder/copy.db'], {}, made.folder);
    expect(await folder.ended).toBe(1);
    expect(folder.output()).toMatch(/^no-folder\/copy.db cannot be written \(ENOENT/);
    writeFileSync(join(made.folder, 'data/weapp-login.db'), 'no database');
    const damaged = run(['backup', 'copy.db'], {}, made.folder);
    expect(await damaged.ended).toBe(1);
    expect(damaged.output()).toMatch(/^The database file .* is damaged \(SQLITE_NOTADB\): restore a backup/);
    expect(existsSync(join(made.folder, 'copy.db'))).toBe(false);
  });
});

describe('no secret is written or read through a symbolic link', () => {
  test('a key of keygen', async () => {
    const folder = newFolder();
    symlinkSync('elsewhere.pem', join(folder, 'key.pem'));
    const keygen = run(['keygen', 'es256', 'key.pem'], {}, folder, { private: true });
    expect(await keygen.ended).toBe(1);
    expect(keygen.output()).toBe('key.pem is there already: name a new file\n');
    expect(readdirSync(folder)).toEqual(['key.pem']);
  });

  test('a new database', async () => {
    const folder = newFolder();
    symlinkSync('elsewhere.db', join(folder, 'users.db'));
    const server = run(['start'], { DATABASE_URL: 'sqlite:users.db' }, folder);
    expect(await server.ended).toBe(1);
    expect(server.output()).toMatch(
      /^The database file users.db cannot be used \(ENOENT: .* symbolic link that leads nowhere/,
    );
    expect(readdirSync(folder)).toEqual(['users.db']);
  });

  test.each([
    [
      'a symbolic link',
      (file: string) => {
        writeFileSync(`${file}-2`, 'x'.repeat(64), { mode: 0o600 });
        symlinkSync(`${file}-2`, file);
      },
      /is a symbolic link: delete it/,
    ],
    [
      'readable by others',
      (file: string) => {
        writeFileSync(file, 'x'.repeat(64));
        chmodSync(file, 0o644);
      },
      /^Other users of this machine can read .*sandbox-jwt-secret: delete it/m,
    ],
    [
      'a folder',
      (file: string) => mkdirSync(file, { mode: 0o700 }),
      /sandbox-jwt-secret is not a file of this user/,
    ],
    [
      'a pipe',
      (file: string) => void execFileSync('mkfifo', ['-m', '600', file]),
      /sandbox-jwt-secret is not a file of this user/,
    ],
    [
      'a file of another user',
      (file: string) => {
        writeFileSync(file, 'x'.repeat(64), { mode: 0o600 });
        if (isRoot) chownSync(file, 65_534, 65_534);
        else chmodSync(file, 0o644);
      },
      /is not a file of this user|Other users of this machine can read/,
    ],
  ] as [string, (file: string) => void, RegExp][])(
    'the secret of the sandbox, where it is %s',
    async (_name, make, expected) => {
      const folder = newFolder();
      mkdirSync(join(folder, 'data'));
      make(join(folder, 'data/sandbox-jwt-secret'));
      const server = run(['start'], { PORT: '0' }, folder);
      expect(await server.ended).toBe(1);
      expect(server.output()).toMatch(expected);
      expect(server.output()).not.toMatch(/ {4}at /);
    },
  );
});

describe('a private key that others can read', () => {
  const key = ec();

  test.each([0o644, 0o604, 0o660, 0o666, 0o610].filter((mode) => !isRoot || (mode & 0o037) !== 0))(
    'is refused, with what to do: mode %i in decimal',
    (mode) => {
      const file = fileOf(key, mode);
      const said = new RegExp(
        `names a private key that other users of this machine can use \\(mode ${mode.toString(8)}\\): chmod 600`,
      );
      expect(() => readPrivateKey(file)).toThrow(said);
      expect(() => readPublicKey(file)).toThrow(said);
      expect(() => loadConfig({ ...realSettings('http://x'), JWT_PRIVATE_KEY_FILE: file })).toThrow(
        /JWT_PRIVATE_KEY_FILE names a private key .*chmod 600/,
      );
    },
  );

  test.runIf(isRoot)(
    'may be of root and of a group, as Kubernetes has it; not of another user and a group',
    () => {
      const file = fileOf(key, 0o440);
      expect(readPrivateKey(file).type).toBe('private');
      chownSync(file, 65_534, 65_534);
      expect(() => readPrivateKey(file)).toThrow(/mode 440/);
      chmodSync(file, 0o400);
      expect(readPrivateKey(file).type).toBe('private');
    },
  );

  test('a public key is everybody’s', () => {
    expect(readPublicKey(fileOf(publicOf(key), 0o644)).type).toBe('public');
  });

  test('is judged by the file behind a symbolic link', () => {
    const link = join(newFolder(), 'key.pem');
    symlinkSync(fileOf(key, 0o644), link);
    expect(() => readPrivateKey(link)).toThrow(/chmod 600/);
  });
});

test.runIf(canStepDown)(
  'where the rights cannot be changed, the server goes on and says so once',
  async () => {
    const folder = newFolder();
    const made = run(['migrate'], {}, folder);
    expect(await made.ended).toBe(0);
    const file = join(folder, 'data/weapp-login.db');
    chmodSync(file, 0o666);
    chownSync(file, 65_534, 65_534);
    const server = await runServer({}, folder, { wrapper });
    await login(server.url);
    const warnings = server
      .output()
      .split('\n')
      .filter((line) => line.includes('a file is not private'));
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(
      /other users of this machine may read .*weapp-login.db, and this user may not change that \(EPERM\): chmod go= /,
    );
  },
);

test.runIf(canStepDown)(
  'a folder for pictures that cannot be written is said at the start; logins work',
  async () => {
    const folder = newFolder();
    mkdirSync(join(folder, 'pictures'), { mode: 0o500 });
    const server = await runServer({ AVATAR_STORE: 'file:pictures/avatars' }, folder, { wrapper });
    await server.prints(
      /uploads will fail: the folder of AVATAR_STORE cannot be used \(EACCES: .*chown or chmod/,
    );
    await login(server.url);
    const doctor = run(['doctor'], { AVATAR_STORE: 'file:pictures/avatars' }, folder, { wrapper });
    expect(await doctor.ended).toBe(1);
    expect(doctor.output()).toMatch(/problem +avatars: EACCES/);
  },
);
