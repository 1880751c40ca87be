import { setTimeout as timer } from 'node:timers/promises';

/** Waits for so many milliseconds of real time, or until the signal. It never fails, and keeps no process alive. */
export type Wait = (ms: number, signal?: AbortSignal) => Promise<void>;

export const wait: Wait = (ms, signal) =>
  timer(ms, undefined, { ref: false, ...(signal && { signal }) }).catch(() => undefined);
