import { AppError } from '../errors.ts';
import { fetchOrWait, type SharedToken } from './shared-token.ts';
import type { AccessToken, TokenMode } from './token-request.ts';

/** The access_token of one app. */
export interface AccessTokens {
  /** A token that is good as far as we know. One that is near its end is renewed in the background. */
  get(): Promise<AccessToken>;
  /** WeChat has refused this one: the next `get` answers another. */
  refuse(token: AccessToken): void;
  close(): void;
}

interface Needs {
  readonly fetch: () => Promise<AccessToken>;
  readonly mode: TokenMode;
  /** None where there is one instance, or where the tokens are stable. */
  readonly shared: SharedToken | undefined;
  readonly now: () => Date;
  /** Told why a token could not be renewed before its end. */
  readonly notRenewed: (reason: string) => void;
}

/** From here on WeChat gives a new token while the old one stays good; somewhat less than its 5 minutes. */
const RENEW_MS = 4.5 * 60_000;
const RENEW_AGAIN_MS = 30_000;

/** Keeps a token in memory, and where there are several instances with one for all of them. */
export function createAccessTokens({ fetch, mode, shared, now, notRenewed }: Needs): AccessTokens {
  const closing = new AbortController();
  let current: AccessToken | undefined;
  let refused: string | undefined;
  let renewing: Promise<AccessToken> | undefined;
  let renewedAt = 0;
  const left = ({ expiresAt }: AccessToken) => expiresAt.getTime() - now().getTime();

  /** @param least what must be left of the life of a token that others have fetched */
  function renew(least: number): Promise<AccessToken> {
    renewedAt = now().getTime();
    renewing ??= obtain(least)
      .then((token) => {
        current = token;
        return token;
      })
      .finally(() => {
        renewing = undefined;
      });
    return renewing;
  }

  async function obtain(least: number): Promise<AccessToken> {
    if (!shared) return fetch();
    try {
      const goodEnough = (token: AccessToken) => token.value !== refused && left(token) > least;
      return await fetchOrWait(shared, goodEnough, fetch, closing.signal);
    } catch (error) {
      // Stable tokens are the same for all who ask; a plain one would end that of another instance.
      if (mode === 'stable' && error instanceof AppError && error.code === 'database_unavailable')
        return fetch();
      throw error;
    }
  }

  return {
    async get() {
      if (!current || left(current) <= 0) return renew(0);
      if (left(current) <= RENEW_MS && now().getTime() - renewedAt >= RENEW_AGAIN_MS)
        renew(RENEW_MS).catch((error: unknown) => notRenewed(reasonOf(error)));
      return current;
    },
    refuse(token) {
      if (token !== current) return; // another call has had it replaced already
      current = undefined;
      refused = token.value;
    },
    close() {
      closing.abort(new AppError('wechat_unavailable', { reason: 'the server is closing' }));
    },
  };
}

function reasonOf(error: unknown): string {
  return error instanceof AppError && error.reason !== undefined ? error.reason : 'unforeseen';
}
