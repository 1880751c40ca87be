import { type Config, ConfigError } from '../config.ts';
import { examineAvatars } from '../doctor/avatars.ts';
import { examineCallback } from '../doctor/callback.ts';
import { examineDatabase } from '../doctor/database.ts';
import type { Finding } from '../doctor/finding.ts';
import { examineRedis } from '../doctor/redis.ts';
import { examineSettings } from '../doctor/settings.ts';
import { examineWeChat } from '../doctor/wechat.ts';
import { AppError } from '../errors.ts';
import { describeEnvFile, readEnvFile } from './env-file.ts';
import { databaseStep } from './explain.ts';

const now = () => new Date();

/** What is looked at, one after the other. */
const EXAMINATIONS: readonly [string, (config: Config) => Finding[] | Promise<Finding[]>, string][] = [
  ['settings', examineSettings, ''],
  ['.env', examineEnvFile, ''],
  [
    'database',
    (config) => examineDatabase(config, now),
    'mend DATABASE_URL, or start the server that it names',
  ],
  ['Redis', examineRedis, 'mend REDIS_URL, or start the server that it names'],
  ['WeChat', (config) => examineWeChat(config, now), ''],
  ['avatars', examineAvatars, 'mend AVATAR_STORE, or what it names'],
  ['callback', (config) => examineCallback(config, now), ''],
];

/** `weapp-login doctor`: looks at everything a login needs, and says what to do about it; exits 1 if something must be done. */
export async function doctorCommand(settings: () => Config): Promise<void> {
  const config = await readSettings(settings);
  if (!config) return;
  for (const [subject, examine, todo] of EXAMINATIONS) {
    for (const finding of await findingsOf(subject, () => examine(config), todo)) report(finding);
  }
}

async function readSettings(settings: () => Config): Promise<Config | undefined> {
  try {
    return settings();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    for (const says of error.problems) report({ level: 'problem', subject: 'settings', says });
    for (const finding of envFileIfReadable()) report(finding);
    return undefined;
  }
}

/** Whoever asks in another folder than the server's sees it here. */
function examineEnvFile(): Finding[] {
  const file = readEnvFile();
  const isRead = !file.isThere || (file.names.length > 0 && file.emptied.length === 0);
  return [
    { level: isRead ? 'ok' : 'warning', subject: '.env', says: `that was read: ${describeEnvFile(file)}` },
  ];
}

/** What is wrong with it has been said as the problem of the settings. */
function envFileIfReadable(): Finding[] {
  try {
    return examineEnvFile();
  } catch {
    return [];
  }
}

/** What cannot be examined is a finding too. */
async function findingsOf(
  subject: string,
  examine: () => Finding[] | Promise<Finding[]>,
  todo: string,
): Promise<readonly Finding[]> {
  try {
    return await examine();
  } catch (error) {
    const says = error instanceof AppError ? (error.reason ?? error.message) : (error as Error).message;
    const step = databaseStep(says) ?? todo;
    return [{ level: 'problem', subject, says, ...(step && { todo: step }) }];
  }
}

function report({ level, subject, says, todo }: Finding): void {
  process.stdout.write(`${level.padEnd(8)} ${subject}: ${says}\n${todo ? `         → ${todo}\n` : ''}`);
  if (level === 'problem') process.exitCode = 1;
}
