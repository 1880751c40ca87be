import { parseArgs } from 'node:util';
import { loadConfig } from '../config.ts';
import { copyAll, type Side } from '../db/copy.ts';
import { migrateDatabase, withPatientDatabase } from '../db/open.ts';
import { UsageError } from './usage-error.ts';

/** `weapp-login copy --from URL --to URL`: moves to another database; can be run again. */
export async function copyCommand(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: { from: { type: 'string' }, to: { type: 'string' } },
  });
  const [from, to] = [databaseUrl(values.from, '--from'), databaseUrl(values.to, '--to')];
  const say = (line: string) => void process.stdout.write(`${line}\n`);
  const started = Date.now();

  await migrateDatabase(from, { report: say, ifNewer: 'refuse' });
  await migrateDatabase(to, { report: say, ifNewer: 'refuse' });
  const result = await withPatientDatabase(from, {}, (source, sourceEngine) =>
    withPatientDatabase(to, {}, (target, targetEngine) => {
      const sides: [Side, Side] = [
        { db: source, engine: sourceEngine },
        { db: target, engine: targetEngine },
      ];
      return copyAll(...sides, say);
    }),
  );
  const seconds = ((Date.now() - started) / 1000).toFixed(1);
  say(
    `${result.users} users and ${result.sessions} sessions are the same on both sides, checksum ${result.checksum.slice(0, 16)} (${result.written} written, ${seconds} s)`,
  );
}

/** Checked as DATABASE_URL is. */
function databaseUrl(text: string | undefined, option: string): string {
  if (text === undefined)
    throw new UsageError(
      `usage: weapp-login copy --from <database URL> --to <database URL> (${option} is missing)`,
    );
  return loadConfig({ DATABASE_URL: text }).databaseUrl;
}
