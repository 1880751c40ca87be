import { type Config, ConfigError, loadConfig } from '../config.ts';
import { describeEnvFile, readEnvFile } from './env-file.ts';
import { explain } from './explain.ts';
import { UsageError } from './usage-error.ts';

/** Each takes what stands behind its name on the command line. Loaded when asked for: a key needs no web server. */
const commands: Readonly<Record<string, (args: readonly string[]) => Promise<void>>> = {
  start: alone(async () => (await import('./start.ts')).startCommand(settings(), readEnvFile())),
  migrate: async (args) => (await import('./migrate.ts')).migrateCommand(settings(), args),
  backup: async (args) => (await import('./backup.ts')).backupCommand(settings(), args),
  copy: async (args) => (await import('./copy.ts')).copyCommand(args),
  doctor: alone(async () => (await import('./doctor.ts')).doctorCommand(settings)),
  keygen: async (args) => (await import('./keygen.ts')).keygenCommand(args),
  sandbox: async (args) => (await import('./sandbox.ts')).sandboxCommand(args),
  users: async (args) => (await import('./users.ts')).usersCommand(settings(), args),
  ban: async (args) => (await import('./users.ts')).banCommand(settings(), args),
  unban: async (args) => (await import('./users.ts')).unbanCommand(settings(), args),
  'end-sessions': async (args) => (await import('./users.ts')).endSessionsCommand(settings(), args),
};

const USAGE = `usage: weapp-login [command]

  start                       run the server (the default)
  doctor                      look at everything a login needs, and say what to mend
  migrate [--dry-run]         bring the database's tables up to date, or only say what that would do
  backup <file>               copy the embedded database as of now, while the server goes on
  copy --from URL --to URL    move the users to another database; can be run again; --leave-out: not these columns of your own
  keygen [es256|rs256 <file>] make a secret to sign with, or a private key
  keygen callback             make the Token and the AES key of WeChat's message push
  sandbox [--port 9000]       run a WeChat for development alone, for a backend in any language
  users <text>                find users by id, openid, phone or a part of the name
  ban <id> / unban <id>       refuse a user, or let him in again; --linked: the same person in every mini program
  end-sessions <id>           log a user out everywhere

Settings come from the environment and from .env; README lists them.`;

/** Runs `weapp-login <name> <args>`; what goes wrong is said, and is the exit code. */
export async function runCommand(name = 'start', ...args: string[]): Promise<void> {
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  try {
    await (command ? command(args) : fail(USAGE, 2));
  } catch (error) {
    const where = error instanceof ConfigError ? `\n${whereFrom()}` : '';
    fail(`${explain(error)}${where}`, 1);
  }
}

/** Whoever names a file of settings there would meet a sandbox. */
function alone(command: () => Promise<void>): (args: readonly string[]) => Promise<void> {
  return async ([argument]) => {
    if (argument === undefined) return command();
    throw new UsageError(
      'this command takes no arguments: settings come from the environment and from .env, or from the file that DOTENV_PATH names',
    );
  };
}

function settings(): Config {
  const { names } = readEnvFile();
  return loadConfig(process.env, names);
}

function fail(message: string, status: number): void {
  process.stderr.write(`${message}\n`);
  process.exitCode = status;
}

/** Whoever started the server in another folder sees it here. */
function whereFrom(): string {
  try {
    return `.env that was read: ${describeEnvFile(readEnvFile())}`;
  } catch {
    return ''; // the problem says it
  }
}
