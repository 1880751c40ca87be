/** How old, or how far ahead of our clock, a signature may be. */
export const MAX_AGE_MS = 600_000;
/** A signature from ahead of our clock is good for so long, and a minute more for clocks that differ. */
export const REMEMBERED_MS = 2 * MAX_AGE_MS + 60_000;
/** How long a message may be worked on before another attempt of WeChat's takes it over. WeChat repeats after 5 and after 10 seconds. */
export const CLAIM_MS = 8000;

/**
 * Remembers what WeChat delivered, for all instances and across restarts, as long as its signature is good. A signature is its
 * timestamp and nonce, a message the digest of its text. Fails with `database_unavailable` while it cannot.
 */
export interface Deliveries {
  /** Ties a signature to a message; tells whether it is now this one's, and not another's already. */
  tie(signature: string, message: string): Promise<boolean>;
  /**
   * Claims a message for `owner`, a random name: only one at a time works on it. `busy`: another one does; `done`: it was
   * dealt with. A claim whose owner died ends after `CLAIM_MS`.
   */
  claim(message: string, owner: string): Promise<'claimed' | 'busy' | 'done'>;
  /** The message was dealt with. */
  done(message: string): Promise<void>;
  /** It was not: the next attempt may try at once. */
  release(message: string, owner: string): Promise<void>;
}
