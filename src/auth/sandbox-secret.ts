import { randomBytes } from 'node:crypto';
import { closeSync, constants, fchmodSync, fstatSync, openSync, readFileSync, type Stats } from 'node:fs';
import { dirname, join } from 'node:path';
import { createPrivateFile, makePrivateFolder } from '../private-files.ts';
import { fileProblem, StartError } from '../start-error.ts';

const AGAIN = 'delete it, and start again: users of the sandbox log in again';

/**
 * The sandbox's signing secret: made once and kept beside the embedded database (in `./data` for a MySQL one), so that
 * tokens survive a restart. An in-memory database gets one that is kept nowhere.
 * @throws {StartError} where it cannot be kept, or is not ours alone
 */
export function sandboxSecret(databaseUrl: string): string {
  const fresh = randomBytes(48).toString('base64');
  if (databaseUrl === 'sqlite::memory:') return fresh;
  const folder = databaseUrl.startsWith('sqlite:') ? dirname(databaseUrl.slice('sqlite:'.length)) : 'data';
  const file = join(folder, 'sandbox-jwt-secret');
  try {
    makePrivateFolder(folder);
    createPrivateFile(file, fresh);
    return fresh;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).syscall === 'open' && isThere(error)) return readKept(file);
    const problem = fileProblem(error);
    throw problem === undefined ? error : new StartError(`${file} cannot be made (${problem})`);
  }
}

function isThere(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'EEXIST';
}

function readKept(file: string): string {
  const descriptor = open(file);
  try {
    const stats = fstatSync(descriptor);
    if (!stats.isFile() || !isOfThisUser(stats))
      throw new StartError(`${file} is not a file of this user, who then could not keep it secret: ${AGAIN}`);
    if (isShared(stats) && keepsRights(descriptor, stats))
      throw new StartError(`Other users of this machine can read ${file}: ${AGAIN}`);
    const kept = readFileSync(descriptor, 'utf8');
    if (kept.length >= 64) return kept;
    throw new StartError(`${file} is cut short: ${AGAIN}`);
  } finally {
    closeSync(descriptor);
  }
}

/** Root reads whatever it likes. */
function isOfThisUser({ uid }: Stats): boolean {
  return process.getuid === undefined || uid === 0 || uid === process.getuid();
}

function isShared({ mode }: Stats): boolean {
  return process.platform !== 'win32' && (mode & 0o077) !== 0;
}

/** Where a file system gives every file the same rights, a new one would be as open: the database warns of that. */
function keepsRights(descriptor: number, { mode }: Stats): boolean {
  try {
    fchmodSync(descriptor, 0o600);
    const isKept = !isShared(fstatSync(descriptor));
    fchmodSync(descriptor, mode);
    return isKept;
  } catch {
    return true;
  }
}

/** Through a symbolic link, or as a file of their own, others could choose the secret; a pipe would be waited for. */
function open(file: string): number {
  try {
    return openSync(file, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0));
  } catch (error) {
    const isLink = (error as NodeJS.ErrnoException).code === 'ELOOP';
    throw new StartError(
      isLink ? `${file} is a symbolic link: ${AGAIN}` : `${file} cannot be read (${fileProblem(error)})`,
    );
  }
}
