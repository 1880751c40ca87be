import type { Platform } from './platform.js';

/** The user as he was at his login. */
export interface User {
  /** A text of digits where a number would lose some. */
  readonly id: number | string;
  readonly nickName: string | null;
  readonly avatar: string | null;
  readonly gender: number | null;
  /** Null for a user from before the server. */
  readonly createdAt: string | null;
}

/** A login that is kept; `goodUntil` is by this phone's clock. */
export type Kept = { readonly token: string; readonly goodUntil: number; readonly user: User };

/** What outlives a restart; `out`: the user logged out, so nothing may log him in unasked. */
export type State = Kept | 'out' | undefined;

/** What was stored under a key, if it is whole. */
export function read(platform: Platform, key: string): State {
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

/** A storage that is full or broken is no failure: it forgets at the restart. */
export function store(platform: Platform, key: string, state: State): void {
  try {
    // First, since a full storage may still remove: better none than the one before.
    platform.removeStorageSync(key);
    if (state) platform.setStorageSync(key, state);
  } catch {
    // It is in memory.
  }
}
