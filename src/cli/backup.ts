import { rmSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { sql } from 'kysely';
import type { Config } from '../config.ts';
import { databaseFailure } from '../db/failures.ts';
import { engineOf, requireUsers, withPatientDatabase } from '../db/open.ts';
import { createPrivateFile } from '../private-files.ts';
import { fileProblem } from '../start-error.ts';
import { UsageError } from './usage-error.ts';

/** `weapp-login backup <file>`: a copy of the embedded database as of now, while the server goes on. */
export async function backupCommand(config: Config, args: readonly string[]): Promise<void> {
  const { positionals } = parseArgs({ args: [...args], allowPositionals: true });
  const [file] = positionals;
  if (!file || positionals.length > 1) throw new UsageError('usage: weapp-login backup <file>');
  if (engineOf(config.databaseUrl) !== 'sqlite') {
    throw new UsageError(
      'DATABASE_URL is a MySQL server: back it up with its own tools, such as mysqldump --single-transaction',
    );
  }
  await withPatientDatabase(config.databaseUrl, { ifMissing: 'refuse' }, async (db) => {
    await requireUsers(db);
    create(file);
    try {
      // One consistent moment, without stopping those who write: https://www.sqlite.org/lang_vacuum.html#vacuuminto
      await sql`VACUUM INTO ${file}`.execute(db);
    } catch (error) {
      rmSync(file, { force: true });
      throw databaseFailure(error) ?? error;
    }
  });
  process.stdout.write(`backed up to ${file}\n`);
}

/** SQLite takes an empty file, which is ours alone from its first moment. */
function create(file: string): void {
  try {
    createPrivateFile(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST')
      throw new UsageError(`${file} is there already: name a new file`);
    throw new UsageError(`${file} cannot be written (${fileProblem(error) ?? error})`);
  }
}
