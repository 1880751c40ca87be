import { randomInt } from 'node:crypto';

const LIFE_MS = 5 * 60_000;
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

/** What became of a code that somebody redeems. */
export type Redeemed = { readonly user: string } | 'invalid' | 'used';

/** Login codes: 32 characters, starting with `0`, good for 5 minutes and for one use. */
export interface Codes {
  issue(user: string): string;
  redeem(code: string): Redeemed;
}

export function createCodes(now: () => Date): Codes {
  const codes = new Map<string, { readonly user: string; readonly until: number; used: boolean }>();
  return {
    issue(user) {
      forgetOld();
      const code = `0${Array.from({ length: 31 }, () => ALPHABET[randomInt(ALPHABET.length)]).join('')}`;
      codes.set(code, { user, until: now().getTime() + LIFE_MS, used: false });
      return code;
    },
    redeem(code) {
      const known = codes.get(code);
      // Our choice: a code that is used and old counts as invalid, like one never made. The facts are silent.
      if (!known || known.until < now().getTime()) return 'invalid';
      if (known.used) return 'used';
      known.used = true;
      return { user: known.user };
    },
  };

  /** Codes are kept in the order of their making, so the old ones come first. */
  function forgetOld(): void {
    for (const [code, { until }] of codes) {
      if (until >= now().getTime()) return;
      codes.delete(code);
    }
  }
}
