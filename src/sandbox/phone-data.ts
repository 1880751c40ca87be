import { createHash } from 'node:crypto';

const LIFE_MS = 3 * 24 * 60 * 60_000;

/** The encryptedData of phone numbers that this WeChat made within three days, each by its hash. */
export interface PhoneData {
  remember(appid: string, encryptedData: string): void;
  /** When it was made, for this app. */
  madeAt(appid: string, hash: string): Date | undefined;
}

export function createPhoneData(now: () => Date): PhoneData {
  const made = new Map<string, { readonly appid: string; readonly at: Date }>();
  const isOver = ({ at }: { readonly at: Date }) => now().getTime() - at.getTime() > LIFE_MS;
  return {
    remember(appid, encryptedData) {
      forgetOld();
      const hash = createHash('sha256').update(encryptedData).digest('hex');
      made.set(hash, { appid, at: now() });
    },
    madeAt(appid, hash) {
      const known = made.get(hash);
      return known && known.appid === appid && !isOver(known) ? known.at : undefined;
    },
  };

  /** They are kept in the order of their making, so the old ones come first. */
  function forgetOld(): void {
    for (const [hash, each] of made) {
      if (!isOver(each)) return;
      made.delete(hash);
    }
  }
}
