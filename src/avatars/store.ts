/** What a picture is called: the hash that avatars.ts makes. */
export const PICTURE_NAME = /^[0-9a-f]{64}\.jpg$/;

/** Where pictures are kept. Every method fails with `storage_unavailable` or `storage_misconfigured`. */
export interface AvatarStore {
  /** What the URL of a picture begins with, before a `/` and the name; undefined while no setting says it. */
  readonly base: string | undefined;
  /** Whether our own server has to serve the pictures. */
  readonly servedHere: boolean;
  /** Stores a picture as a whole or not at all; the same one again does no harm. */
  put(name: string, picture: Buffer): Promise<void>;
  get(name: string): Promise<Buffer | undefined>;
  /** Does nothing where there is no such picture. */
  remove(name: string): Promise<void>;
}
