import { accessSync, constants, existsSync, readdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { makePrivate, type Warn } from '../private-files.ts';
import { fileProblem } from '../start-error.ts';

/**
 * Takes everybody else's rights to the pictures that are there, and warns where no picture can be stored: the server
 * starts all the same, since logins need none.
 */
export function makeFolderPrivate(folder: string, warn: Warn): void {
  try {
    accessSync(nearestOf(folder), constants.W_OK | constants.X_OK);
    // Closed first, the folder guards its files. Those that an earlier version made follow once.
    if (!existsSync(folder) || !makePrivate(folder, warn)) return;
    for (const name of readdirSync(folder)) makePrivate(join(folder, name), () => undefined);
  } catch (error) {
    warn(`uploads will fail: the folder of AVATAR_STORE cannot be used (${fileProblem(error) ?? error})`);
  }
}

/** The folder itself, or the one in which it will be made. */
function nearestOf(folder: string): string {
  const path = resolve(folder);
  return existsSync(path) || dirname(path) === path ? path : nearestOf(dirname(path));
}
