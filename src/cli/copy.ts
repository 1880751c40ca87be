import { parseArgs } from 'node:util';
import { loadConfig } from '../config.ts';
import { copyDatabase } from '../db/copy.ts';
import { UsageError } from './usage-error.ts';

const USAGE =
  'usage: weapp-login copy --from <database URL> --to <database URL> [--leave-out <column or table>,…]';

/** `weapp-login copy --from URL --to URL`: moves to another database; can be run again. */
export async function copyCommand(args: readonly string[]): Promise<void> {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    args: [...args],
    options: { from: text, to: text, 'leave-out': { ...text, multiple: true } },
  });
  const [from, to] = [databaseUrl(values.from, '--from'), databaseUrl(values.to, '--to')];
  const leaveOut = (values['leave-out'] ?? []).flatMap((names) => names.split(',')).filter(Boolean);
  const report = (line: string) => void process.stdout.write(`${line}\n`);
  const started = Date.now();
  const { users, sessions, written, checksum } = await copyDatabase(from, to, { leaveOut, report });
  const seconds = ((Date.now() - started) / 1000).toFixed(1);
  report(
    `${users} users and ${sessions} sessions are the same on both sides, checksum ${checksum.slice(0, 16)} (${written} written, ${seconds} s)`,
  );
  if (leaveOut.length > 0) report(`left behind: ${leaveOut.join(', ')}`);
}

/** Checked as DATABASE_URL is. */
function databaseUrl(text: string | undefined, option: string): string {
  if (text === undefined) throw new UsageError(`${USAGE} (${option} is missing)`);
  const url = loadConfig({ DATABASE_URL: text }).databaseUrl;
  if (url === 'sqlite::memory:')
    throw new UsageError(`${USAGE} (${option} is gone with this command: name a file)`);
  return url;
}
