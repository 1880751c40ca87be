import type { Calls } from './calls.js';
import type { Clock } from './platform.js';

/** WeChat's is five minutes; the way to the server takes a part of it. */
const CODE_LIFE_MS = 4.5 * 60_000;

/**
 * Keeps a code for the tap of the login button. wx.login may change the key that getUserProfile encrypts with,
 * so it must be called before it; and getUserProfile must be called in the tap itself, so there is no time to wait.
 */
export function createTap(calls: Calls, clock: Clock) {
  let kept: { code: Promise<string>; at: number } | undefined;

  function prepare(): Promise<string> {
    if (kept && clock.now() - kept.at < CODE_LIFE_MS) return kept.code;
    const mine = { code: calls.code(), at: clock.now() };
    kept = mine;
    // The next one asks again.
    mine.code.catch(() => {
      if (kept === mine) kept = undefined;
    });
    return mine.code;
  }

  return {
    prepare,
    /** Another wx.login was called: a code that waits for its tap is replaced by a newer one. */
    renew(): void {
      if (!kept) return;
      kept = undefined;
      prepare().catch(() => {});
    },
    /** Both calls happen at once, in this order. A code that the user did not let us use is kept for his next tap. */
    async getUserProfile(desc: string) {
      prepare().catch(() => {});
      const profile = await calls.profile(desc);
      // Without one the login gets its own: better with a profile that may not decrypt than not at all.
      const code = await prepare().catch(() => undefined);
      kept = undefined;
      return { code, profile };
    },
  };
}
