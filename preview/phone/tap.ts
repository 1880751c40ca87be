let tapped = false;

/** Runs what a tap calls; until it returns, it is the tap. */
export function whileTapped(run: () => void): void {
  tapped = true;
  try {
    run();
  } finally {
    tapped = false;
  }
}

/** Whether the call comes from a tap itself: some of wx is allowed then only. */
export function inTap(): boolean {
  return tapped;
}
