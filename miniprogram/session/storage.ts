import type { Platform } from './platform.js';

/** The user as he was at his login. */
export interface User {
  readonly id: number;
  readonly nickName: string | null;
  readonly avatar: string | null;
  readonly gender: number | null;
  readonly createdAt: string;
}

/** A login that is kept. */
export interface Kept {
  readonly token: string;
  /** By this phone's clock. */
  readonly goodUntil: number;
  readonly user: User;
}

/** `out`: the user logged out, so nothing may log him in unasked. */
export type State = Kept | 'out' | undefined;

/** What outlives a restart. A storage that is full or broken forgets at the restart, and is no failure. */
export function createStorage(platform: Platform, key: string) {
  let state = read();

  function read(): State {
    try {
      const stored = platform.getStorageSync(key);
      if (stored === 'out') return stored;
      const { token, goodUntil, user } = Object(stored) as Partial<Kept>;
      const whole = typeof token === 'string' && typeof goodUntil === 'number' && user?.id !== undefined;
      return whole ? { token, goodUntil, user } : undefined;
    } catch {
      return undefined;
    }
  }

  /** A full storage may still remove: better none than the one before. */
  function forget(): void {
    try {
      platform.removeStorageSync(key);
    } catch {
      // It is in memory.
    }
  }

  return {
    get: () => state,
    set(next: State): void {
      state = next;
      try {
        if (next) platform.setStorageSync(key, next);
        else platform.removeStorageSync(key);
      } catch {
        forget();
      }
    },
  };
}
