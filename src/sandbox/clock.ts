/** The sandbox's time: the real one, or moved, so that codes and tokens expire when a developer wants it. */
export interface Clock {
  now(): Date;
  /** Moves it, back too. What was issued before keeps its end. */
  advance(ms: number): void;
  /** How far it is ahead of the real time, in milliseconds. */
  readonly ahead: number;
}

export function createClock(real: () => Date): Clock {
  let ahead = 0;
  return {
    now: () => new Date(real().getTime() + ahead),
    advance(ms) {
      ahead += ms;
    },
    get ahead() {
      return ahead;
    },
  };
}
