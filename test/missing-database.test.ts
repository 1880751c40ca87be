import { existsSync, mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, inject, onTestFinished, test, vi } from 'vitest';
import { backupCommand } from '../src/cli/backup.ts';
import { migrateCommand } from '../src/cli/migrate.ts';
import { banCommand, endSessionsCommand, unbanCommand, usersCommand } from '../src/cli/users.ts';
import { loadConfig } from '../src/config.ts';
import { withPatientDatabase } from '../src/db/open.ts';
import { examineDatabase } from '../src/doctor/database.ts';
import { freshMysql, mysqlUrl } from './support/engines.ts';
import { run } from './support/process.ts';

const newFolder = () => mkdtempSync(join(inject('folder'), 'missing-'));
const configOf = (url: string) => loadConfig({ DATABASE_URL: url });

const commands: [string, (url: string, folder: string) => Promise<void>][] = [
  ['users', (url) => usersCommand(configOf(url), ['Ada'])],
  ['ban', (url) => banCommand(configOf(url), ['1'])],
  ['unban', (url) => unbanCommand(configOf(url), ['1'])],
  ['end-sessions', (url) => endSessionsCommand(configOf(url), ['1'])],
  ['backup', (url, folder) => backupCommand(configOf(url), [join(folder, 'backup.db')])],
];

describe.each(commands)('weapp-login %s', (_name, command) => {
  test.each(['users.db', 'no/such/folder/users.db'])(
    'makes no database where there is none: %s',
    async (file) => {
      const folder = newFolder();
      await expect(command(`sqlite:${folder}/${file}`, folder)).rejects.toThrow(
        `There is no database at ${folder}/${file}: run this in the folder of the server`,
      );
      expect(readdirSync(folder)).toEqual([]);
    },
  );

  test('takes no file for a database that has no users', async () => {
    const folder = newFolder();
    writeFileSync(join(folder, 'users.db'), '', { mode: 0o600 });
    await expect(command(`sqlite:${folder}/users.db`, folder)).rejects.toThrow(
      /^The database has no table wxuser/,
    );
    expect(existsSync(join(folder, 'backup.db'))).toBe(false);
  });
});

describe.skipIf(!mysqlUrl)('in a MySQL database that has none', () => {
  // A backup is of a file only.
  test.each(commands.filter(([name]) => name !== 'backup'))(
    'weapp-login %s makes no tables',
    async (_name, command) => {
      const { url, drop } = await freshMysql();
      onTestFinished(drop);
      await expect(command(url, '')).rejects.toThrow(/^The database has no table wxuser/);
      expect(await withPatientDatabase(url, {}, (db) => db.introspection.getTables())).toEqual([]);
    },
  );
});

test('the doctor looks at a database that is there only', async () => {
  const folder = newFolder();
  const findings = await examineDatabase(configOf(`sqlite:${folder}/data/users.db`), () => new Date());
  expect(findings).toEqual([
    {
      level: 'problem',
      subject: 'database',
      says: `there is no file ${folder}/data/users.db`,
      todo: expect.stringMatching(/^run this in the folder of the server/),
    },
  ]);
  expect(readdirSync(folder)).toEqual([]);
});

test('from the command line that is exit code 1, one sentence, and no database', async () => {
  const [users, doctor] = [run(['users', 'Ada']), run(['doctor'])];
  expect(await users.ended).toBe(1);
  expect(users.output()).toMatch(/^There is no database at .*\/data\/weapp-login\.db: run this in [^\n]+\n$/);
  expect(await doctor.ended).toBe(1);
  expect(doctor.output()).toMatch(/^problem +database: there is no file .*\n +→ run this in the folder/m);
  expect(readdirSync(users.folder)).toEqual([]);
  // The doctor stores a picture to see whether that works, and leaves nothing.
  expect(doctor.output()).toMatch(/^ok +avatars: /m);
  expect(readdirSync(doctor.folder)).toEqual([]);
});

test('migrate says that it makes a new database; its dry run makes none', async () => {
  const folder = newFolder();
  const url = `sqlite:${folder}/data/users.db`;
  const said: string[] = [];
  const write = vi.spyOn(process.stdout, 'write').mockImplementation((text) => said.push(String(text)) > 0);
  onTestFinished(() => write.mockRestore());
  await migrateCommand(configOf(url), ['--dry-run']);
  expect(said.slice(0, 2)).toEqual([
    `would make the new database ${folder}/data/users.db\n`,
    'would create the table wxuser\n',
  ]);
  expect(readdirSync(folder)).toEqual([]);
  said.length = 0;
  await migrateCommand(configOf(url), []);
  expect(said[0]).toBe(`make the new database ${folder}/data/users.db\n`);
  expect(existsSync(`${folder}/data/users.db`)).toBe(true);
});
