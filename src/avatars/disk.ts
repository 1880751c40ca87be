import { randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../errors.ts';
import type { Warn } from '../private-files.ts';
import { makeFolderPrivate, UNFINISHED } from './private-folder.ts';
import type { AvatarStore } from './store.ts';

const HOUR_MS = 3_600_000;

/**
 * Pictures as files of one folder, which is made when the first one comes, for its owner alone.
 * @param base what their URLs begin with
 * @param warn told where others may read them, or none can be written
 */
export function createDiskStore(folder: string, base: string | undefined, warn: Warn): AvatarStore {
  makeFolderPrivate(folder, warn);
  // In the same file system as the pictures, so that the move is a rename.
  const unfinished = join(folder, UNFINISHED);
  let swept = false;
  return {
    base,
    servedHere: true,

    put: (name, picture) =>
      withStorageFailures(async () => {
        await mkdir(unfinished, { recursive: true, mode: 0o700 });
        if (!swept) await sweep(unfinished);
        swept = true;
        const draft = join(unfinished, randomUUID());
        try {
          await writeFile(draft, picture, { flush: true, flag: 'wx', mode: 0o600 });
          await rename(draft, join(folder, name));
        } catch (error) {
          await rm(draft, { force: true });
          throw error;
        }
      }),

    get: (name) => withStorageFailures(() => readFile(join(folder, name)).catch(undefinedIfAbsent)),

    remove: (name) => withStorageFailures(() => rm(join(folder, name), { force: true })),
  };
}

/** Removes what a crash left. What is younger may be another instance's, which is writing it. */
async function sweep(unfinished: string): Promise<void> {
  for (const draft of await readdir(unfinished)) {
    const file = join(unfinished, draft);
    const { mtimeMs } = await stat(file).catch(() => ({ mtimeMs: Number.POSITIVE_INFINITY }));
    if (mtimeMs < Date.now() - HOUR_MS) await rm(file, { force: true });
  }
}

function undefinedIfAbsent(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}

async function withStorageFailures<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const { code, syscall } = error as NodeJS.ErrnoException;
    if (!code || !syscall) throw error;
    throw new AppError('storage_unavailable', {
      reason: `${code}: ${syscall} in the folder of AVATAR_STORE`,
    });
  }
}
