import type { Config } from '../config.ts';
import { openDatabase } from '../db/open.ts';

/** `weapp-login migrate`: what the server does to the tables at its start, alone. */
export async function migrateCommand(config: Config): Promise<void> {
  const { db, migrated } = await openDatabase(config.databaseUrl);
  await db.destroy();
  const done = migrated.length > 0 ? `migrated: ${migrated.join(', ')}` : 'the tables are up to date';
  process.stdout.write(`${done}\n`);
}
