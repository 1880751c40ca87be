import { createHash } from 'node:crypto';
import type { AvatarStoreAddress } from '../avatar-store-url.ts';
import { AppError } from '../errors.ts';
import type { Warn } from '../private-files.ts';
import type { UserId } from '../user-id.ts';
import { boundedStore } from './bounded-store.ts';
import { createDiskStore } from './disk.ts';
import { createS3Store } from './s3.ts';
import { type AvatarStore, PICTURE_NAME } from './store.ts';

/** Whose picture it is. */
export interface Owner {
  /** `wxuser.id` */
  readonly id: UserId;
  readonly appid: string;
}

/** The pictures that users uploaded. Methods fail with `storage_unavailable` or `storage_misconfigured`. */
export interface Avatars {
  readonly servedHere: boolean;
  /** Whether a URL is one that we gave. */
  isOurs(url: string): boolean;
  /** Stores a user's picture, and answers its URL. */
  keep(owner: Owner, picture: Buffer): Promise<string>;
  /** Removes what a URL of a user's row names, if it is a picture that he uploaded; otherwise does nothing. */
  remove(owner: Owner, url: string | null | undefined): Promise<void>;
  /** Does the same when all that matters has been done: a failure goes to the log only. */
  discard(owner: Owner, url: string | null | undefined): Promise<void>;
  read(name: string): Promise<Buffer | undefined>;
}

interface Surroundings {
  /** Where everybody reaches this server, such as `https://login.example.com`. */
  readonly publicUrl: string | undefined;
  /** Told why a picture that nobody needs was left in the store. */
  readonly leftBehind: (failure: unknown) => void;
  /** Told what is wrong with the store's folder. */
  readonly warn: Warn;
}

export function createAvatars(
  address: AvatarStoreAddress,
  { publicUrl, leftBehind, warn }: Surroundings,
): Avatars {
  const store = openAvatarStore(address, publicUrl, warn);
  const avatars: Avatars = {
    servedHere: store.servedHere,

    isOurs: (url) => store.base !== undefined && PICTURE_NAME.test(url.replace(`${store.base}/`, '')),

    async keep(owner, picture) {
      if (store.base === undefined) {
        throw new AppError('storage_misconfigured', {
          reason: 'PUBLIC_URL is not set, so the picture would have no address',
        });
      }
      const name = nameOf(owner, picture);
      await store.put(name, picture);
      return `${store.base}/${name}`;
    },

    async remove(owner, url) {
      // By its name alone: PUBLIC_URL may have been another one when it was stored.
      const name = url?.split('/').at(-1) ?? '';
      const picture = PICTURE_NAME.test(name) ? await store.get(name) : undefined;
      if (picture && nameOf(owner, picture) === name) await store.remove(name);
    },

    discard: (owner, url) => avatars.remove(owner, url).catch(leftBehind),

    read: async (name) => (PICTURE_NAME.test(name) ? store.get(name) : undefined),
  };
  return avatars;

  /**
   * The hash is over the owner too. So the same picture of two users is two, each of which goes with its owner; what is
   * stored tells whose it is, whatever URL somebody wrote into his row; and nobody can ask whether a picture is here.
   */
  function nameOf({ appid, id }: Owner, picture: Buffer): string {
    return `${createHash('sha256').update(`${appid}/${id}/`).update(picture).digest('hex')}.jpg`;
  }
}

/** Opens what `AVATAR_STORE` names. */
export function openAvatarStore(
  address: AvatarStoreAddress,
  publicUrl: string | undefined,
  warn: Warn,
): AvatarStore {
  if (address.kind === 's3') return boundedStore(createS3Store(address));
  return boundedStore(createDiskStore(address.folder, publicUrl && `${publicUrl}/avatars`, warn));
}
