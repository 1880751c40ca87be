import { randomBytes } from 'node:crypto';
import { mkdir, rmdir } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { AvatarStoreAddress } from '../avatar-store-url.ts';
import { openAvatarStore } from '../avatars/avatars.ts';
import { UNFINISHED } from '../avatars/private-folder.ts';
import type { AvatarStore } from '../avatars/store.ts';
import type { Config } from '../config.ts';
import type { Finding } from './finding.ts';

const subject = 'avatars';

/**
 * Looks whether pictures can be stored, read and removed, and whether they would have an address.
 * @throws {AppError} `storage_unavailable`, `storage_misconfigured`
 */
export async function examineAvatars({ avatars, publicUrl, sandbox }: Config): Promise<Finding[]> {
  const warnings: Finding[] = [];
  const warn = (says: string) => void warnings.push({ level: 'warning', subject, says });
  const store = openAvatarStore(avatars.store, publicUrl, warn);
  const works = await withoutNewFolders(avatars.store, () => givesBack(store));
  const findings: Finding[] = works
    ? [{ level: 'ok', subject, says: 'their store takes, gives and removes pictures' }]
    : [
        {
          level: 'problem',
          subject,
          says: 'their store does not give back what it took',
          todo: 'correct AVATAR_STORE',
        },
      ];
  findings.push(...warnings);
  if (store.base === undefined && !sandbox) {
    const todo = 'set PUBLIC_URL to where mini programs reach this server, such as https://login.example.com';
    findings.push({
      level: 'warning',
      subject,
      says: 'uploads are refused: their pictures have no address',
      todo,
    });
  }
  return findings;
}

async function givesBack(store: AvatarStore): Promise<boolean> {
  const name = `doctor-${randomBytes(8).toString('hex')}.jpg`;
  const picture = randomBytes(64);
  await store.put(name, picture);
  const read = await store.get(name);
  await store.remove(name);
  return read?.equals(picture) ?? false;
}

/** Removes the folders that were not there before: the doctor leaves nothing, wherever it is asked. */
async function withoutNewFolders<T>(address: AvatarStoreAddress, work: () => Promise<T>): Promise<T> {
  if (address.kind === 's3') return work();
  const last = join(address.folder, UNFINISHED);
  const first = await mkdir(last, { recursive: true, mode: 0o700 });
  try {
    return await work();
  } finally {
    if (first !== undefined) await removeFolders(resolve(last), resolve(first));
  }
}

/** From the last up to the first. One that is not empty is in use by now. */
async function removeFolders(last: string, first: string): Promise<void> {
  const removed = await rmdir(last).then(
    () => true,
    () => false,
  );
  if (removed && last !== first) await removeFolders(dirname(last), first);
}
