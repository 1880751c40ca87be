import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { parse, populate } from 'dotenv';
import { ConfigError } from '../config.ts';

export interface EnvFile {
  /** Its whole path, also where there is none. */
  readonly file: string;
  readonly isThere: boolean;
  /** What it names; no values. */
  readonly names: readonly string[];
}

/**
 * Takes over what stands in `.env` of the folder in which the process was started; the environment goes first.
 * @throws {ConfigError} where there is one that cannot be read: without its settings the server would be a sandbox
 */
export function readEnvFile(): EnvFile {
  const { DOTENV_PATH, DOTENV_CONFIG_PATH } = process.env;
  const file = resolve(DOTENV_PATH ?? DOTENV_CONFIG_PATH ?? '.env');
  const text = read(file);
  if (text === undefined) return { file, isThere: false, names: [] };
  if (text.includes('\0')) throw new ConfigError([`${file} is not in UTF-8: save it as UTF-8`]);
  const settings = parse(text);
  populate(process.env as Record<string, string>, settings);
  return { file, isThere: true, names: Object.keys(settings) };
}

/** For a person: which file that was. */
export function describeEnvFile({ file, isThere }: EnvFile): string {
  return isThere ? file : `none: there is no .env in ${dirname(file)}`;
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const { code = String(error) } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    throw new ConfigError([`${file} cannot be read (${code}): let this user read it, or remove it`]);
  }
}
