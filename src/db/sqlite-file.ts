import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  lstatSync,
  openSync,
  readSync,
  realpathSync,
  statSync,
} from 'node:fs';
import { dirname, resolve } from 'node:path';
import { createPrivateFile, makePrivate, makePrivateFolder, type Warn } from '../private-files.ts';
import { fileProblem, StartError } from '../start-error.ts';

/** Of what a crash may leave, `-journal` is there where the file system cannot do WAL. */
const COMPANIONS = ['-wal', '-shm', '-journal'];
const RESTORE = 'restore a backup, or move it away to begin with an empty one';
const DAMAGED = /^SQLITE_(?:NOTADB|CORRUPT|FORMAT)/;

/** Whether a database file may be made. */
export type IfMissing = 'make' | 'refuse';

/** The whole path of the file that a `sqlite:` URL names, if there is none. */
export function missingFile(url: string): string | undefined {
  const file = url.slice('sqlite:'.length);
  if (!url.startsWith('sqlite:') || file === ':memory:' || existsSync(file)) return undefined;
  return resolve(file);
}

/**
 * Makes the file with its folder if it is not there and may be made, and sees that SQLite can work on it and that its owner alone can read
 * it. SQLite gives its companions the rights of the file.
 * @throws {StartError}
 */
export function prepareFile(file: string, ifMissing: IfMissing, warn: Warn): void {
  if (ifMissing === 'refuse' && !isThere(file)) throw new StartError(nothingAt(file));
  try {
    makePrivateFolder(dirname(file));
    if (createIfAbsent(file)) return;
    const stats = statSync(file);
    if (stats.isDirectory()) throw new StartError(problemOf(file, 'is a folder: name a file'));
    if (!stats.isFile())
      throw new StartError(problemOf(file, 'is a device, a pipe or a socket: name a file'));
    accessSync(file, constants.R_OK | constants.W_OK);
    const real = realpathSync(file);
    accessSync(dirname(real), constants.W_OK | constants.X_OK);
    makePrivate(real, warn);
    for (const companion of COMPANIONS) makePrivate(`${real}${companion}`, () => undefined);
  } catch (error) {
    const problem = fileProblem(error);
    throw problem === undefined ? error : new StartError(problemOf(file, `cannot be used (${problem})`));
  }
}

/** What a failure to open the file means to whoever starts the server. */
export function openProblem(file: string, error: unknown): unknown {
  const { code = '', message } = error as NodeJS.ErrnoException;
  if (DAMAGED.test(code))
    return new StartError(problemOf(file, `is no database, or is damaged (${code}): ${RESTORE}`));
  if (code === '' && message.startsWith('ConnectionFailed'))
    return new StartError(problemOf(file, 'cannot be opened: is it a file, and may this user write it?'));
  return error;
}

/** SQLite finds missing pages by itself, but takes a part of one for a whole. @throws {StartError} */
export function refuseCutFile(file: string): void {
  // Until it is read back, the log may have what the file has not.
  if ((statSync(`${file}-wal`, { throwIfNoEntry: false })?.size ?? 0) > 0) return;
  const header = readHeader(file);
  if (header.length < 100) return;
  const pageSize = header.readUInt16BE(16) === 1 ? 65_536 : header.readUInt16BE(16);
  if (statSync(file).size % pageSize !== 0) throw new StartError(problemOf(file, `is cut short: ${RESTORE}`));
}

/** A symbolic link that leads nowhere is there: what is wrong with it is said later. */
function isThere(file: string): boolean {
  return lstatSync(file, { throwIfNoEntry: false }) !== undefined;
}

function nothingAt(file: string): string {
  return `There is no database at ${resolve(file)}: run this in the folder of the server, or name its file (DATABASE_URL). A new one is made by the first start`;
}

function createIfAbsent(file: string): boolean {
  try {
    createPrivateFile(file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

function readHeader(file: string): Buffer {
  const header = Buffer.alloc(100);
  const descriptor = openSync(file, 'r');
  try {
    return header.subarray(0, readSync(descriptor, header));
  } finally {
    closeSync(descriptor);
  }
}

function problemOf(file: string, what: string): string {
  return `The database file ${file} ${what} (DATABASE_URL)`;
}
