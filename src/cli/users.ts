import type { Config } from '../config.ts';
import { type Administration, createAdministration } from '../db/administration.ts';
import { openDatabase } from '../db/open.ts';
import { UsageError } from './usage-error.ts';

/** `weapp-login users <text>`: who that is. */
export async function usersCommand(config: Config, args: readonly string[]): Promise<void> {
  const [text, ...more] = args;
  if (!text || more.length > 0)
    throw new UsageError('usage: weapp-login users <id, openid, phone or a part of the name>');
  await administer(config, async (administration) => {
    const users = await administration.find(text);
    for (const user of users) {
      say(
        `${user.id}  ${user.nickName ?? '(no name)'}  ${user.status}, ${user.sessions} sessions, last login ${user.lastLoginAt ?? 'unknown'}`,
      );
      say(
        `    openid ${user.openid} of ${user.appid || '(no app yet)'}${user.phone ? `, phone ${user.phone}` : ''}`,
      );
    }
    if (users.length === 0) say('no such user');
  });
}

/** `weapp-login ban <id>` */
export function banCommand(config: Config, args: readonly string[]): Promise<void> {
  return onUser('ban', config, args, async (administration, id) => {
    if (!(await administration.setStatus(id, 'banned'))) throw new UsageError(`there is no user ${id}`);
    say(`user ${id} is banned${within(config)}`);
  });
}

/** `weapp-login unban <id>` */
export function unbanCommand(config: Config, args: readonly string[]): Promise<void> {
  return onUser('unban', config, args, async (administration, id) => {
    if (!(await administration.setStatus(id, 'active'))) throw new UsageError(`there is no user ${id}`);
    say(`user ${id} may log in again`);
  });
}

/** `weapp-login end-sessions <id>` */
export function endSessionsCommand(config: Config, args: readonly string[]): Promise<void> {
  return onUser('end-sessions', config, args, async (administration, id) => {
    say(`ended ${await administration.endSessions(id)} sessions of user ${id}${within(config)}`);
  });
}

async function onUser(
  name: string,
  config: Config,
  args: readonly string[],
  work: (administration: Administration, id: number) => Promise<void>,
): Promise<void> {
  const [id = '', ...more] = args;
  if (!/^\d{1,15}$/.test(id) || more.length > 0) {
    throw new UsageError(`usage: weapp-login ${name} <id>   (weapp-login users <text> finds it)`);
  }
  await administer(config, (administration) => work(administration, Number(id)));
}

async function administer(
  config: Config,
  work: (administration: Administration) => Promise<void>,
): Promise<void> {
  const database = await openDatabase(config.databaseUrl);
  try {
    await work(createAdministration(database, () => new Date()));
  } finally {
    await database.db.destroy();
  }
}

/** A running server may remember a session for so long. */
function within({ sessions: { cacheSeconds } }: Config): string {
  return cacheSeconds === 0 ? '' : `; running servers know within ${cacheSeconds} s`;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
