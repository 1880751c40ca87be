import { type Config, ConfigError } from '../config.ts';
import { examineAvatars } from '../doctor/avatars.ts';
import { examineCallback } from '../doctor/callback.ts';
import { examineDatabase } from '../doctor/database.ts';
import type { Finding } from '../doctor/finding.ts';
import { examineRedis } from '../doctor/redis.ts';
import { examineSettings } from '../doctor/settings.ts';
import { examineWeChat } from '../doctor/wechat.ts';
import { AppError } from '../errors.ts';
import { StartError } from '../start-error.ts';
import { describeEnvFile, readEnvFile } from './env-file.ts';
import { databaseStep } from './explain.ts';

const now = () => new Date();

type Examination = readonly [examine: (config: Config) => Finding[] | Promise<Finding[]>, todo: string];

/** What is looked at, one after the other, and what helps where that fails. */
const EXAMINATIONS = {
  settings: [examineSettings, ''],
  '.env': [examineEnvFile, ''],
  database: [
    (config) => examineDatabase(config, now),
    'correct DATABASE_URL, or start the server that it names',
  ],
  Redis: [examineRedis, 'correct REDIS_URL, or start the server that it names'],
  WeChat: [(config) => examineWeChat(config, now), ''],
  avatars: [examineAvatars, 'correct AVATAR_STORE, or what it names'],
  callback: [(config) => examineCallback(config, now), ''],
} satisfies Record<string, Examination>;

type Subject = keyof typeof EXAMINATIONS;

/** `weapp-login doctor`: looks at everything a login needs, and says what to do about it; exits 1 if something must be done. */
export async function doctorCommand(settings: () => Config): Promise<void> {
  const config = await readSettings(settings);
  if (!config) return;
  for (const subject of Object.keys(EXAMINATIONS) as Subject[])
    for (const finding of await findingsOf(subject, config)) report(finding);
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
export async function findingsOf(subject: Subject, config: Config): Promise<readonly Finding[]> {
  const [examine, todo]: Examination = EXAMINATIONS[subject];
  try {
    return await examine(config);
  } catch (error) {
    const says = error instanceof AppError ? (error.reason ?? error.message) : (error as Error).message;
    // Such a sentence has its own next step.
    const step = error instanceof StartError ? '' : (databaseStep(says) ?? todo);
    return [{ level: 'problem', subject, says, ...(step && { todo: step }) }];
  }
}

function report({ level, subject, says, todo }: Finding): void {
  process.stdout.write(`${level.padEnd(8)} ${subject}: ${says}\n${todo ? `         → ${todo}\n` : ''}`);
  if (level === 'problem') process.exitCode = 1;
}
