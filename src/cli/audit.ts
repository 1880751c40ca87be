import { randomUUID } from 'node:crypto';
import type { UserRow } from '../db/administration.ts';
import { AppError } from '../errors.ts';
import { createLog } from '../log.ts';
import { StartError } from '../start-error.ts';
import type { UserId } from '../user-id.ts';
import { UsageError } from './usage-error.ts';

/** What is audited of commands. */
export type CommandEvent = 'ban' | 'unban' | 'end-sessions';

/**
 * Runs a command that answers whose rows it changed, and writes an audit line for each, or one for its failure. The lines go to
 * standard error: standard output is for people.
 */
export async function audited(event: CommandEvent, run: () => Promise<readonly UserRow[]>): Promise<void> {
  const log = createLog('info', process.stderr);
  const requestId = randomUUID();
  const write = (result: string, who: { user?: UserId; appid?: string } = {}) =>
    log.info({ audit: event, ...who, from: 'cli', result, requestId }, 'audit');
  try {
    for (const row of await run()) write('ok', { user: row.id, appid: row.appid });
  } catch (error) {
    write(resultOf(error));
    throw error;
  }
}

function resultOf(error: unknown): string {
  if (error instanceof AppError) return error.code;
  if (error instanceof StartError) return 'database_unavailable';
  return error instanceof UsageError ? 'not_found' : 'internal_error';
}
