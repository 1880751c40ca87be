import { parseArgs } from 'node:util';
import type { Config } from '../config.ts';
import { migrateDatabase, planDatabase } from '../db/open.ts';
import { missingFile } from '../db/sqlite-file.ts';
import { whenUp } from '../when-up.ts';

/** `weapp-login migrate`: what the server does to the tables at its start, alone; `--dry-run` says it in advance. */
export async function migrateCommand(config: Config, args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: { 'dry-run': { type: 'boolean', default: false } },
  });
  const say = (line: string) => void process.stdout.write(`${line}\n`);
  const options = {
    appid: config.sandbox ? undefined : config.apps[0].appid,
    timezone: config.databaseTimezone,
    report: say,
  };
  const waiting = {
    waitMs: config.startWaitSeconds * 1000,
    waits: (reason: string) =>
      say(`the database is not up yet, waiting for it ${config.startWaitSeconds} s: ${reason}`),
    isUp: () => say('the database is up'),
  };
  const newFile = missingFile(config.databaseUrl);
  if (values['dry-run']) {
    // What a new file would get is what one in memory would.
    const url = newFile === undefined ? config.databaseUrl : 'sqlite::memory:';
    const steps = await whenUp(() => planDatabase(url, options), waiting);
    if (newFile !== undefined) say(`would make the new database ${newFile}`);
    for (const step of steps) say(`would ${step}`);
    if (steps.length === 0) say('the tables are up to date');
    return;
  }
  if (newFile !== undefined) say(`make the new database ${newFile}`);
  const done = await whenUp(() => migrateDatabase(config.databaseUrl, options), waiting);
  say(done.length > 0 ? `migrated: ${done.join(', ')}` : 'the tables are up to date');
}
