import { randomBytes } from 'node:crypto';
import { openAvatarStore } from '../avatars/avatars.ts';
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
  const name = `doctor-${randomBytes(8).toString('hex')}.jpg`;
  const picture = randomBytes(64);
  await store.put(name, picture);
  const read = await store.get(name);
  await store.remove(name);
  const findings: Finding[] = read?.equals(picture)
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
