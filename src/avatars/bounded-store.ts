import { AppError } from '../errors.ts';
import type { AvatarStore } from './store.ts';
import { createTurns } from './turns.ts';

/** Each takes a file or a connection of the process. */
const AT_ONCE = 32;
const WAITING = 128;

/** A store that is asked so much at once and no more: one that hangs must not take all connections that the process may have. */
export function boundedStore(store: AvatarStore): AvatarStore {
  const inTurn = createTurns({ atOnce: AT_ONCE, waiting: WAITING, waitingOfOne: 1, full });
  const bounded = <T>(work: () => Promise<T>) => inTurn(Symbol(), work);
  return {
    ...store,
    put: (name, picture) => bounded(() => store.put(name, picture)),
    get: (name) => bounded(() => store.get(name)),
    remove: (name) => bounded(() => store.remove(name)),
  };
}

function full(): AppError {
  const reason = `${WAITING} requests wait for the store of AVATAR_STORE already: it hangs, or is slow`;
  return new AppError('storage_unavailable', { retryAfter: 5, reason });
}
