import { accessSync, constants, type Dirent, existsSync, readdirSync, realpathSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { makePrivate, type Warn } from '../private-files.ts';
import { fileProblem } from '../start-error.ts';
import { PICTURE_NAME } from './store.ts';

/** In the folder of pictures: those that are being written. */
export const UNFINISHED = 'unfinished';

/**
 * Takes everybody else's rights to the pictures that are there, and warns where no picture can be stored: the server
 * starts all the same, since logins need none.
 */
export function makeFolderPrivate(folder: string, warn: Warn): void {
  try {
    accessSync(nearestOf(folder), constants.W_OK | constants.X_OK);
    if (!existsSync(folder)) return;
    const entries = readdirSync(folder, { withFileTypes: true });
    if (!entries.every((entry) => isOurs(entry) || entry.isSymbolicLink() || entry.name.startsWith('.')))
      warn(
        `${folder} holds more than pictures, so others keep their rights to it: give the pictures a folder of their own`,
      );
    // Closed first, the folder guards its files. Those that an earlier version made follow once.
    else if (!makePrivate(realpathSync(folder), warn)) return;
    for (const entry of entries.filter(isOurs)) makePrivate(join(folder, entry.name), () => undefined);
  } catch (error) {
    warn(`uploads will fail: the folder of AVATAR_STORE cannot be used (${fileProblem(error) ?? error})`);
  }
}

function isOurs(entry: Dirent): boolean {
  return entry.isFile() ? PICTURE_NAME.test(entry.name) : entry.isDirectory() && entry.name === UNFINISHED;
}

/** The folder itself, or the one in which it will be made. */
function nearestOf(folder: string): string {
  const path = resolve(folder);
  return existsSync(path) || dirname(path) === path ? path : nearestOf(dirname(path));
}
