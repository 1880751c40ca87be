import type { Sessions } from '../auth/sessions.ts';
import type { Config } from '../config.ts';
import { type Administration, createAdministration, type UserRow } from '../db/administration.ts';
import { AppError } from '../errors.ts';
import { createLog } from '../log.ts';
import type { Redis } from '../redis/open.ts';
import { openStores, sessionsOf } from '../stores.ts';
import { parseUserId, type UserId } from '../user-id.ts';
import { audited, type CommandEvent } from './audit.ts';
import { UsageError } from './usage-error.ts';

interface Tools {
  readonly administration: Administration;
  readonly sessions: Sessions;
  readonly redis: Redis | undefined;
}

/** `weapp-login users <text>`: who that is. */
export async function usersCommand(config: Config, args: readonly string[]): Promise<void> {
  const [text, ...more] = args;
  if (!text || more.length > 0)
    throw new UsageError('usage: weapp-login users <id, openid, phone or a part of the name>');
  await administer(config, async ({ administration, sessions }) => {
    const users = await administration.find(text);
    for (const { id, nickName, status, lastLoginAt, openid, appid, phone } of users) {
      const count = await countOf(sessions, id);
      say(
        `${id}  ${nickName ?? '(no name)'}  ${status}, ${count} sessions, last login ${lastLoginAt ?? 'unknown'}`,
      );
      say(`    openid ${openid} of ${appid || '(no app yet)'}${phone ? `, phone ${phone}` : ''}`);
    }
    if (users.length === 0) say('no such user');
  });
}

/** `weapp-login ban <id> [--linked]` */
export function banCommand(config: Config, args: readonly string[]): Promise<void> {
  return setStatus('ban', config, args, async ({ sessions, redis }, ids) => {
    const tell = async () => {
      for (const userId of ids) await sessions.forget(userId);
    };
    say(`${named(ids)} banned${redis ? await spread(config, tell) : later(config)}`);
  });
}

/** `weapp-login unban <id> [--linked]` */
export function unbanCommand(config: Config, args: readonly string[]): Promise<void> {
  return setStatus('unban', config, args, async (_tools, ids) => say(`${named(ids)} let in again`));
}

/** `weapp-login end-sessions <id>` */
export function endSessionsCommand(config: Config, args: readonly string[]): Promise<void> {
  return onUser('end-sessions', '', config, args, async ({ administration, sessions, redis }, id) => {
    const rows = await administration.rowsOf(id, false);
    if (rows.length === 0) throw new UsageError(`there is no user ${id}`);
    const count = await countOf(sessions, id);
    // At once, so that it holds while Redis is away.
    await administration.endSessions(id);
    const end = () => sessions.endAll(id);
    const left = redis ? await spread(config, end) : await end().then(() => later(config));
    say(`ended ${count === 'unknown' ? 'the' : count} sessions of user ${id}${left}`);
    return rows;
  });
}

/** Bans or lets in a user; with `--linked`, the same person in every mini program. */
async function setStatus(
  name: 'ban' | 'unban',
  config: Config,
  args: readonly string[],
  done: (tools: Tools, ids: readonly UserId[]) => Promise<void>,
): Promise<void> {
  const linked = args.includes('--linked');
  const rest = args.filter((arg) => arg !== '--linked');
  await onUser(name, ' [--linked]', config, rest, async (tools, id) => {
    const rows = await tools.administration.rowsOf(id, linked);
    const ids = rows.map((row) => row.id);
    if (ids.length === 0) throw new UsageError(`there is no user ${id}`);
    await tools.administration.setStatus(ids, name === 'ban' ? 'banned' : 'active');
    await done(tools, ids);
    return rows;
  });
}

async function onUser(
  name: CommandEvent,
  options: string,
  config: Config,
  args: readonly string[],
  work: (tools: Tools, id: UserId) => Promise<readonly UserRow[]>,
): Promise<void> {
  const [text = '', ...more] = args;
  const id = parseUserId(text);
  if (id === undefined || more.length > 0) {
    throw new UsageError(`usage: weapp-login ${name}${options} <id>   (weapp-login users <text> finds it)`);
  }
  await audited(name, () => administer(config, (tools) => work(tools, id)));
}

async function administer<T>(config: Config, work: (tools: Tools) => Promise<T>): Promise<T> {
  const now = () => new Date();
  const stores = await openStores(config, createLog('silent'), { waitMs: 0, ifMissing: 'refuse' });
  try {
    const sessions = sessionsOf(stores, config, now);
    return await work({
      administration: createAdministration(stores.database, now),
      sessions,
      redis: stores.redis,
    });
  } finally {
    await stores.close();
  }
}

/** Users can be found while Redis is away. */
async function countOf(sessions: Sessions, id: UserId): Promise<number | string> {
  return sessions.list(id).then(
    ({ length }) => length,
    () => 'unknown',
  );
}

/** Does what the running servers hear of at once; says when they know otherwise. */
async function spread(config: Config, told: () => Promise<void>): Promise<string> {
  try {
    await told();
    return '';
  } catch (error) {
    if (error instanceof AppError) return `${later(config)} (${error.reason})`;
    throw error;
  }
}

/** A running server may remember a session for so long. */
function later({ sessions: { cacheSeconds } }: Config): string {
  return cacheSeconds === 0 ? '' : `; running servers know within ${cacheSeconds} s`;
}

function named(ids: readonly UserId[]): string {
  return ids.length === 1 ? `user ${ids[0]} is` : `users ${ids.join(', ')} are`;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
