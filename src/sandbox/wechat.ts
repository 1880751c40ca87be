import { SANDBOX_APPID } from '../config.ts';
import { wait } from './wait.ts';
import { createWorld, type Surroundings, type World } from './world.ts';

/** The sandbox's AppSecret. It protects nothing: the sandbox lets anyone be anyone. */
export const SANDBOX_SECRET = '5a0db0c55a0db0c55a0db0c55a0db0c5';

/** A WeChat in memory. Its users come into being by being named, and keep their openid across restarts. */
export interface SandboxWeChat {
  readonly world: World;
  /** Forgets everything: users, codes, keys, tokens, faults, counters, the moved clock. */
  reset(): void;
  /** Gives up pushes that are on their way. */
  close(): void;
}

export function createSandboxWeChat(
  now: () => Date,
  options: Partial<Omit<Surroundings, 'now'>> = {},
): SandboxWeChat {
  const surroundings: Surroundings = {
    apps: [{ appid: SANDBOX_APPID, secret: SANDBOX_SECRET }],
    wait,
    random: Math.random,
    ...options,
    now,
  };
  let world = createWorld(surroundings);
  return {
    get world() {
      return world;
    },
    reset() {
      world.pushes.close();
      world = createWorld(surroundings);
    },
    close: () => world.pushes.close(),
  };
}
