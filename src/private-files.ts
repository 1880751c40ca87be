import { chmodSync, existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/** Told what others may read, and what to do about it. */
export type Warn = (problem: string) => void;

/** Makes a new file that its owner alone may read. Fails with EEXIST where anything is already, also a symbolic link. */
export function createPrivateFile(file: string, content = ''): void {
  writeFileSync(file, content, { flag: 'wx', mode: 0o600 });
}

/** Makes a folder, and those above it, for their owner alone. One that is there stays as it is. */
export function makePrivateFolder(folder: string): void {
  // Not mkdir's own recursion: below /proc that never ends.
  if (existsSync(folder)) return;
  makePrivateFolder(dirname(folder));
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    if (!existsSync(folder)) throw error; // another process may have made it meanwhile
  }
}

/**
 * Takes everybody else's rights to a file or folder that is there. Where that cannot be done (it is somebody else's, or
 * the file system has no rights) the work goes on.
 * @returns whether others had any
 */
export function makePrivate(path: string, warn: Warn): boolean {
  if (process.platform === 'win32' || !isShared(path)) return false;
  let cause = 'its file system keeps no rights';
  try {
    chmodSync(path, statSync(path).mode & 0o700);
  } catch (error) {
    cause = `this user may not change that (${(error as NodeJS.ErrnoException).code})`;
  }
  if (isShared(path))
    warn(`other users of this machine may read ${path}, and ${cause}: chmod go= ${path}, as its owner`);
  return true;
}

function isShared(path: string): boolean {
  return ((statSync(path, { throwIfNoEntry: false })?.mode ?? 0) & 0o077) !== 0;
}
