import { existsSync, lstatSync, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { populate } from 'dotenv';
import { ConfigError, isSetting } from '../config.ts';
import { readEnvLines } from './env-lines.ts';
import { decodeEnvFile, type TextProblem } from './env-text.ts';

export interface EnvFile {
  /** Its whole path, also where there is none. */
  readonly file: string;
  readonly isThere: boolean;
  /** What it names; no values. */
  readonly names: readonly string[];
  /** Of those, what an empty value in the environment goes before. */
  readonly emptied: readonly string[];
}

/**
 * Takes over what stands in `.env` of the folder in which the process was started; the environment goes first.
 * @throws {ConfigError} where there is one that cannot be read, or would be read otherwise than it was meant: without its
 * settings the server would be a sandbox
 */
export function readEnvFile(): EnvFile {
  // Node has read these already, and says nothing of what it could not.
  for (const file of filesOfNode(process.execArgv)) readSettings(resolve(file));
  const named = process.env['DOTENV_PATH'] || process.env['DOTENV_CONFIG_PATH'];
  const file = resolve(named || '.env');
  const settings = readSettings(file);
  if (settings === undefined) {
    refuseMissing(file, named);
    return { file, isThere: false, names: [], emptied: [] };
  }
  populate(process.env as Record<string, string>, { ...settings });
  const names = Object.keys(settings);
  return {
    file,
    isThere: true,
    names,
    emptied: names.filter((name) => settings[name] && process.env[name]?.trim() === ''),
  };
}

/** For a person: which file that was. */
export function describeEnvFile({ file, isThere, names, emptied }: EnvFile): string {
  if (!isThere) return `none: there is no .env in ${dirname(file)}`;
  if (names.length === 0) return `${file}, which sets nothing`;
  return emptied.length === 0
    ? file
    : `${file}, except ${emptied.join(', ')}: empty in the environment, which goes first`;
}

function readSettings(file: string): Readonly<Record<string, string>> | undefined {
  const bytes = read(file);
  if (bytes === undefined) return undefined;
  const text = decodeEnvFile(bytes);
  if (typeof text !== 'string') throw new ConfigError([said(file, text)]);
  const { settings, problems } = readEnvLines(text, isSetting);
  if (problems.length > 0) throw new ConfigError(problems.map((problem) => said(file, problem)));
  return settings;
}

function said(file: string, { line, says }: TextProblem): string {
  return line === undefined ? `${file} ${says}` : `line ${line} of ${file} ${says}`;
}

function read(file: string): Buffer | undefined {
  try {
    return readFileSync(file);
  } catch (error) {
    const { code = String(error) } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    throw new ConfigError([`${file} cannot be read (${code}): let this user read it, or remove it`]);
  }
}

/** A file that somebody thinks is read. */
function refuseMissing(file: string, named: string | undefined): void {
  if (lstatSync(file, { throwIfNoEntry: false }))
    throw new ConfigError([`${file} is a symbolic link that leads nowhere: correct it, or remove it`]);
  if (named) throw new ConfigError([`DOTENV_PATH names ${file}, which is not there`]);
  const { WX_APPID, WX_APPS } = process.env;
  if (!WX_APPID && !WX_APPS && existsSync(`${file}.txt`))
    throw new ConfigError([
      `${file}.txt is not read: rename it to .env (Windows hides the .txt), or remove it`,
    ]);
}

/** What `node --env-file=.env` and its kin name. */
function filesOfNode(args: readonly string[]): string[] {
  return args
    .flatMap((arg, i) => {
      const [, equals, value] = /^--env-file(?:-if-exists)?(?:(=)(.*))?$/.exec(arg) ?? [];
      if (equals) return [value ?? ''];
      return /^--env-file/.test(arg) ? [args[i + 1] ?? ''] : [];
    })
    .filter(Boolean);
}
