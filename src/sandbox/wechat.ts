import { setMaxListeners } from 'node:events';
import { SANDBOX_APPID } from '../config.ts';
import { publicHostOf } from './hosts.ts';
import { wait } from './wait.ts';
import { createWorld, type Surroundings, type World } from './world.ts';

/** The sandbox's AppSecret. It protects nothing: the sandbox lets anyone be anyone. */
export const SANDBOX_SECRET = '5a0db0c55a0db0c55a0db0c55a0db0c5';

/** A WeChat in memory. Its users come into being by being named, and keep their openid across restarts. */
export interface SandboxWeChat {
  readonly world: World;
  /** A name that it may be reached by although others could own such a one; local names and addresses need none. */
  readonly publicHost: string | undefined;
  /** Forgets everything: users, codes, keys, tokens, faults, counters, the moved clock. */
  reset(): void;
  /** Aborted by `close`. */
  readonly closed: AbortSignal;
  /** Gives up pushes that are on their way, and requests that a fault keeps waiting. */
  close(): void;
}

export interface SandboxWeChatOptions extends Partial<Omit<Surroundings, 'now'>> {
  readonly publicUrl?: string | undefined;
}

export function createSandboxWeChat(
  now: () => Date,
  { publicUrl, ...options }: SandboxWeChatOptions = {},
): SandboxWeChat {
  const surroundings: Surroundings = {
    apps: [{ appid: SANDBOX_APPID, secret: SANDBOX_SECRET }],
    wait,
    random: Math.random,
    ...options,
    now,
  };
  let world = createWorld(surroundings);
  const closing = new AbortController();
  setMaxListeners(0, closing.signal); // one for each request that waits
  return {
    closed: closing.signal,
    get world() {
      return world;
    },
    publicHost: publicHostOf(publicUrl),
    reset() {
      world.pushes.close();
      world = createWorld(surroundings);
    },
    close() {
      closing.abort();
      world.pushes.close();
    },
  };
}
