import { chmodSync, existsSync, lstatSync, mkdirSync, type Stats, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

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
 * Takes everybody else's rights to a file or folder of ours that is there. Where that cannot be done (it is somebody else's, or
 * the file system has no rights) the work goes on. What is no file or folder, a link's target, and a folder that is made for all
 * (`/`, `/tmp`) stay as they are.
 * @returns whether others had any
 */
export function makePrivate(path: string, warn: Warn): boolean {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (process.platform === 'win32' || !stats || stats.isSymbolicLink() || !isShared(stats)) return false;
  if (!isOurs(path, stats)) {
    warn(`other users of this machine use ${path} too: name a file or folder that is this server's alone`);
    return false;
  }
  let cause = 'its file system keeps no rights';
  try {
    chmodSync(path, stats.mode & 0o7700);
  } catch (error) {
    cause = `this user may not change that (${(error as NodeJS.ErrnoException).code})`;
  }
  if (isShared(lstatSync(path)))
    warn(`other users of this machine may read ${path}, and ${cause}: chmod go= ${path}, as its owner`);
  return true;
}

function isShared({ mode }: Stats): boolean {
  return (mode & 0o077) !== 0;
}

/** The sticky bit marks a folder in which everybody may write. */
function isOurs(path: string, stats: Stats): boolean {
  if (stats.isFile()) return true;
  return stats.isDirectory() && (stats.mode & 0o1000) === 0 && dirname(resolve(path)) !== resolve(path);
}
