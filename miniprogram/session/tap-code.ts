import type { Clock } from './platform.js';

const LIFE_MS = 4.5 * 60_000; // WeChat's is five minutes; the way to the server takes a part of it

/** The code of wx.login that waits for a tap: in the tap itself there is no time to get one. */
export function createTapCode(clock: Clock, newCode: () => Promise<string>) {
  let waiting: { code: Promise<string>; at: number } | undefined;

  function renew(): Promise<string> {
    const mine = { code: newCode(), at: clock.now() };
    waiting = mine;
    // Where wx.login fails, the next one asks again.
    mine.code.catch(() => {
      if (waiting === mine) waiting = undefined;
    });
    return mine.code;
  }

  return {
    /** The one that waits, or a new one. */
    get: (): Promise<string> => (waiting && clock.now() - waiting.at <= LIFE_MS ? waiting.code : renew()),

    /** Another wx.login may have changed the key: the one that waits is replaced by a newer one. */
    replace(): void {
      if (waiting) void renew();
    },

    /** It is sent now. */
    spend(): void {
      waiting = undefined;
    },
  };
}
