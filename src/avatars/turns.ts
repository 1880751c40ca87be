import { AppError } from '../errors.ts';

/** Runs a piece of work when its turn comes. @throws {AppError} what `full` says, when too many wait already */
export type InTurn = <T>(key: unknown, work: () => Promise<T>) => Promise<T>;

interface Limits {
  readonly atOnce: number;
  /** How many may wait, and how many of one key: each holds a connection. */
  readonly waiting: number;
  readonly waitingOfOne: number;
  /** `too_many_requests` when not given. */
  readonly full?: () => AppError;
}

const RETRY_SECONDS = 5;

/** Lets so many pieces of work run at once, and one of each key; the others wait in line. */
export function createTurns({ atOnce, waiting, waitingOfOne, full = tooManyUploads }: Limits): InTurn {
  const line: { readonly key: unknown; readonly start: () => void }[] = [];
  const running = new Set<unknown>();

  return async (key, work) => {
    const own = line.filter((one) => one.key === key).length;
    if (line.length >= waiting || own >= waitingOfOne) throw full();
    await new Promise<void>((start) => {
      line.push({ key, start });
      startNext();
    });
    try {
      return await work();
    } finally {
      running.delete(key);
      startNext();
    }
  };

  function startNext(): void {
    if (running.size >= atOnce) return;
    const index = line.findIndex(({ key }) => !running.has(key));
    const [next] = index < 0 ? [] : line.splice(index, 1);
    if (!next) return;
    running.add(next.key);
    next.start();
  }
}

function tooManyUploads(): AppError {
  return new AppError('too_many_requests', {
    retryAfter: RETRY_SECONDS,
    reason: 'too many uploads at once',
  });
}
