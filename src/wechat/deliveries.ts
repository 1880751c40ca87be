import { LRUCache } from 'lru-cache';

/** How old, or how far ahead of our clock, a signature may be. */
export const MAX_AGE_MS = 600_000;
/** A signature from ahead of our clock is good until then. */
export const REMEMBERED_MS = 2 * MAX_AGE_MS;

/**
 * Remembers what WeChat delivered, as long as its signature is good. A signature is its timestamp and nonce, a message the
 * digest of its text. Fails with `database_unavailable` while it cannot.
 */
export interface Deliveries {
  /** Ties a signature to a message; tells whether it is now this one's, and not another's already. */
  tie(signature: string, message: string): Promise<boolean>;
  isDone(message: string): Promise<boolean>;
  done(message: string): Promise<void>;
}

/** Remembers in this process, the latest 50,000. */
export function createDeliveries(): Deliveries {
  const options = { max: 50_000, ttl: REMEMBERED_MS };
  const tied = new LRUCache<string, string>(options);
  const finished = new LRUCache<string, true>(options);
  return {
    async tie(signature, message) {
      if (!tied.has(signature)) tied.set(signature, message);
      return tied.get(signature) === message;
    },
    isDone: async (message) => finished.has(message),
    done: async (message) => void finished.set(message, true),
  };
}
