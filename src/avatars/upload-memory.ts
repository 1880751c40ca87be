import { AppError } from '../errors.ts';

/** What one upload holds until it is stored. */
export interface Held {
  /** Ends when others need the room. */
  readonly signal: AbortSignal;
  take(bytes: number): void;
  /** It is here as a whole: from now on it makes no room for others. */
  complete(): void;
  release(): void;
}

/** The memory of all uploads. */
export interface UploadMemory {
  hold(): Held;
  /** How much is taken. */
  readonly bytes: number;
}

interface Limits {
  readonly maxBytes: number;
  readonly maxUploads: number;
}

const RETRY_SECONDS = 5;

/**
 * Bounds what uploads take together. When it is full, the one that has been sending for the longest time makes room: so
 * neither a silent sender nor a slow one keeps others waiting.
 */
export function createUploadMemory({ maxBytes, maxUploads }: Limits): UploadMemory {
  /** Those that are being received, the oldest first. */
  const sending = new Set<{ giveWay(): void }>();
  let taken = 0;

  function makeRoom(): void {
    while (taken > maxBytes || sending.size > maxUploads) {
      const [oldest] = sending;
      if (!oldest) return;
      oldest.giveWay();
    }
  }

  return {
    get bytes() {
      return taken;
    },
    hold() {
      const gone = new AbortController();
      let own = 0;
      const release = () => {
        sending.delete(entry);
        taken -= own;
        own = 0;
      };
      const entry = {
        giveWay() {
          release();
          gone.abort(full(maxBytes, maxUploads));
        },
      };
      sending.add(entry);
      makeRoom();
      return {
        signal: gone.signal,
        take(bytes) {
          if (gone.signal.aborted) return;
          own += bytes;
          taken += bytes;
          makeRoom();
        },
        complete: () => void sending.delete(entry),
        release,
      };
    },
  };
}

function full(maxBytes: number, maxUploads: number): AppError {
  return new AppError('too_many_requests', {
    retryAfter: RETRY_SECONDS,
    reason: `more than ${maxUploads} uploads, or ${maxBytes} bytes of them, at once: the slowest made room`,
  });
}
