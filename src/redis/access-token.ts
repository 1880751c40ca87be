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

/** Gives a claim back, and shares the token, if the claim is still ours: what is late would replace a newer token. */
const SETTLE = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if ARGV[2] ~= '' then redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3]) end
return redis.call('DEL', KEYS[1])`;

/**
 * The access_token of an app in Redis, for all instances: sealed, under `<prefix>{<appid>}:access-token:<mode>`, until it
 * expires. `…:claim` beside it names the instance that is fetching a new one; the braces keep both on one node of a Cluster.
 */
export function createRedisToken({ redis, seal, appid, mode, timeoutMs, now }: Needs): SharedToken {
  const key = `${redis.prefix}{${appid}}:access-token:${mode}`;
  const claimKey = `${key}:claim`;
  const expiration = { type: 'PX', value: timeoutMs + CLAIM_MORE_MS } as const;

  async function settle(owner: string, fetched: AccessToken | undefined): Promise<void> {
    const life = fetched ? Math.max(1, fetched.expiresAt.getTime() - now().getTime()) : 0;
    const text = fetched ? seal.close(JSON.stringify(fetched)) : '';
    const options = { keys: [claimKey, key], arguments: [owner, text, `${life}`] };
    await redis.run(async (commands) => void (await commands.eval(SETTLE, options)));
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
