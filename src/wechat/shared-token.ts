import { setTimeout as pause } from 'node:timers/promises';
import type { AccessToken } from './token-request.ts';

/** Where the instances of a server share the access_token of an app. Every method fails while it cannot answer. */
export interface SharedToken {
  read(): Promise<AccessToken | undefined>;
  /**
   * Claims the right to fetch a token; undefined while another instance has it. A claim ends by itself after a while.
   * @returns settles the claim: gives it back, and shares what was fetched
   */
  claim(): Promise<Settle | undefined>;
}

type Settle = (fetched: AccessToken | undefined) => Promise<void>;

const ASK_AGAIN_MS = 50;

/**
 * One instance fetches; the others wait for what it shares, or for its claim to end.
 * @param goodEnough whether a token that others have shared will do
 */
export async function fetchOrWait(
  shared: SharedToken,
  goodEnough: (token: AccessToken) => boolean,
  fetch: () => Promise<AccessToken>,
  signal: AbortSignal,
): Promise<AccessToken> {
  for (;;) {
    signal.throwIfAborted();
    const token = await shared.read();
    if (token && goodEnough(token)) return token;
    const settle = await shared.claim();
    if (settle) return fetchWith(settle);
    await pause(ASK_AGAIN_MS);
  }

  async function fetchWith(settle: Settle): Promise<AccessToken> {
    let fetched: AccessToken | undefined;
    try {
      // Another one may have shared its token just before it gave the claim back.
      const token = await shared.read();
      if (token && goodEnough(token)) return token;
      fetched = await fetch();
      return fetched;
    } finally {
      await settle(fetched).catch(() => undefined); // the claim ends by itself, and the token is good
    }
  }
}
