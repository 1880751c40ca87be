import { randomBytes, randomInt } from 'node:crypto';

const LIFE_MS = 5 * 60_000;
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

/** What a code stands for. */
export interface Ticket {
  readonly code: string;
  readonly appid: string;
  readonly user: string;
  readonly expiresAt: Date;
  readonly used: boolean;
}

/** What became of a code that somebody redeems. */
export type Redeemed = Ticket | 'invalid' | 'used' | 'of another app';

/** Codes that are good for 5 minutes, for one use and for one app. */
export interface Codes {
  issue(appid: string, user: string): string;
  /** Spends a code; one of another app is not spent. */
  redeem(code: string, appid: string): Redeemed;
  /** Those whose time is not over, used ones too. */
  list(): Ticket[];
}

/** A wx.login code: 32 characters, starting with `0`. */
export const loginCode = () =>
  `0${Array.from({ length: 31 }, () => ALPHABET[randomInt(ALPHABET.length)]).join('')}`;

/** A getPhoneNumber code: 64 hex digits. */
export const phoneCode = () => randomBytes(32).toString('hex');

export function createCodes(now: () => Date, make: () => string): Codes {
  const codes = new Map<string, Ticket>();
  const isOver = ({ expiresAt }: Ticket) => expiresAt < now();
  return {
    issue(appid, user) {
      forgetOld();
      const code = make();
      const expiresAt = new Date(now().getTime() + LIFE_MS);
      codes.set(code, { code, appid, user, expiresAt, used: false });
      return code;
    },
    redeem(code, appid) {
      const known = codes.get(code);
      // Our choice: a code that is used and old counts as invalid, like one never made. The facts are silent.
      if (!known || isOver(known)) return 'invalid';
      if (known.appid !== appid) return 'of another app';
      if (known.used) return 'used';
      codes.set(code, { ...known, used: true });
      return known;
    },
    list: () => [...codes.values()].filter((ticket) => !isOver(ticket)),
  };

  /** Codes are kept in the order of their making, so the old ones come first. */
  function forgetOld(): void {
    for (const ticket of codes.values()) {
      if (!isOver(ticket)) return;
      codes.delete(ticket.code);
    }
  }
}
