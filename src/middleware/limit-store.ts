import type { Options, Store } from 'express-rate-limit';
import { LRUCache } from 'lru-cache';

const MAX_KEYS = 50_000;

interface Counter {
  totalHits: number;
  readonly resetTime: Date;
}

/** Counts of a rate limit in memory: at most 50,000 keys, of which the one that was used longest ago makes room. */
export interface LimitStore extends Store {
  readonly size: number;
  init(options: Pick<Options, 'windowMs'>): void;
}

/** express-rate-limit's own store takes as many keys as anybody invents. */
export function createLimitStore(maxKeys = MAX_KEYS): LimitStore {
  const counters = new LRUCache<string, Counter>({ max: maxKeys });
  let windowMs = 60_000;

  const current = (key: string): Counter | undefined => {
    const counter = counters.get(key);
    return counter && counter.resetTime.getTime() > Date.now() ? counter : undefined;
  };

  return {
    localKeys: true,
    get size() {
      return counters.size;
    },
    init(options) {
      windowMs = options.windowMs;
    },
    get: current,
    increment(key) {
      const counter = current(key) ?? { totalHits: 0, resetTime: new Date(Date.now() + windowMs) };
      counter.totalHits += 1;
      counters.set(key, counter);
      return counter;
    },
    decrement(key) {
      const counter = current(key);
      if (counter && counter.totalHits > 0) counter.totalHits -= 1;
    },
    resetKey: (key) => void counters.delete(key),
    resetAll: () => counters.clear(),
  };
}
