import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import type { Seal } from '../auth/seal.ts';
import type { SharedToken } from '../wechat/shared-token.ts';
import type { AccessToken, TokenMode } from '../wechat/token-request.ts';
import type { Redis } from './open.ts';

interface Needs {
  readonly redis: Redis;
  readonly seal: Seal;
  readonly appid: string;
  readonly mode: TokenMode;
  /** The longest that fetching a token takes: a claim outlives it. */
  readonly timeoutMs: number;
  readonly now: () => Date;
}

/** For what an instance does beside fetching: if it is dead, another one takes its place so much later. */
const CLAIM_MORE_MS = 1000;

/**
 * The access_token of an app in Redis, for all instances: sealed, under `<prefix>{<appid>}:access-token:<mode>`, until it
 * expires. `…:claim` beside it names the instance that is fetching a new one; the braces keep both on one node of a Cluster.
 */
export function createRedisToken({ redis, seal, appid, mode, timeoutMs, now }: Needs): SharedToken {
  const key = `${redis.prefix}{${appid}}:access-token:${mode}`;
  const claimKey = `${key}:claim`;
  const leaseMs = timeoutMs + CLAIM_MORE_MS;
  const expiration = { type: 'PX', value: leaseMs } as const;

  /**
   * Gives a claim back, and shares the token, if the claim is still ours: what is late would replace a newer token. A
   * script would do it in one; not every proxy has them. So the lease is renewed first: if the claim is ours then, it
   * stays ours while we write.
   */
  async function settle(owner: string, fetched: AccessToken | undefined): Promise<void> {
    await redis.run(async (commands) => {
      const end = performance.now() + leaseMs / 2;
      const isInTime = () => performance.now() < end;
      await commands.pExpire(claimKey, leaseMs);
      if ((await commands.get(claimKey)) !== owner || !isInTime()) return;
      if (fetched) {
        const left = Math.max(1, fetched.expiresAt.getTime() - now().getTime());
        const sealed = seal.close(JSON.stringify(fetched));
        await commands.set(key, sealed, { expiration: { type: 'PX', value: left } });
      }
      if (isInTime()) await commands.del(claimKey);
    });
  }

  return {
    async read() {
      const sealed = await redis.run((commands) => commands.get(key));
      return sealed === null ? undefined : fromText(seal.open(sealed));
    },
    async claim() {
      const owner = randomBytes(16).toString('base64url');
      const options = { condition: 'NX', expiration } as const;
      const answer = await redis.run((commands) => commands.set(claimKey, owner, options));
      return answer === 'OK' ? (fetched) => settle(owner, fetched) : undefined;
    },
  };
}

const stored = z.object({
  value: z.string().min(1),
  expiresAt: z.iso.datetime().transform((text) => new Date(text)),
});

/** A text that is none of ours, or was sealed with a secret that is gone, stands for no token. */
function fromText(text: string | undefined): AccessToken | undefined {
  try {
    return stored.parse(JSON.parse(text ?? 'null'));
  } catch {
    return undefined;
  }
}
