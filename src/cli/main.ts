#!/usr/bin/env node
import { config as readDotenv } from 'dotenv';
import { ConfigError, loadConfig } from '../config.ts';
import { AppError } from '../errors.ts';
import { migrateCommand } from './migrate.ts';
import { startCommand } from './start.ts';

const commands = { start: startCommand, migrate: migrateCommand };

const USAGE = `usage: weapp-login [command]

  start     run the server (the default)
  migrate   bring the database's tables up to date, and stop; --dry-run only says what would be done

Settings come from the environment and from .env; README lists them.`;

async function main(name = 'start', ...args: string[]): Promise<void> {
  const command = Object.hasOwn(commands, name) ? commands[name as keyof typeof commands] : undefined;
  if (!command) return fail(USAGE, 2);
  readDotenv({ quiet: true });
  await command(loadConfig(process.env), args);
}

function fail(message: string, status: number): void {
  process.stderr.write(`${message}\n`);
  process.exitCode = status;
}

/** What a person can act on: our own errors as a sentence, anything else with its trace. */
function explain(error: unknown): string {
  if (error instanceof ConfigError) return error.message;
  if (error instanceof AppError) {
    const next =
      error.code === 'database_unavailable' ? '\nIs DATABASE_URL right, and does the server run?' : '';
    return `${error.code}: ${error.reason ?? error.message}${next}`;
  }
  const { code, message, stack } = error as NodeJS.ErrnoException;
  if (code === 'EADDRINUSE') return `${message}: another server has this port. Stop it, or set PORT.`;
  return stack ?? String(error);
}

main(...process.argv.slice(2)).catch((error: unknown) => fail(explain(error), 1));
