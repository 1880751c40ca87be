import { ask, type Stored, userPath, type WeChatCall, type WeChatState } from './ask.ts';

/** How things stand. */
export interface Standing {
  readonly wechat: WeChatState;
  readonly stored: Stored;
}

/**
 * Looks how things stand, one look at a time, and once more where it was asked meanwhile.
 * @param seen is told what was found, or why nothing was
 */
export function createWatch(user: string, seen: (now: Standing | Error) => void): () => Promise<void> {
  let looking: Promise<void> | undefined;
  let next: Promise<void> | undefined;

  async function lookOnce(): Promise<void> {
    const asked = [ask<WeChatState>('GET', '/control/state'), ask<Stored>('GET', userPath(user))] as const;
    seen(
      await Promise.all(asked).then(
        ([wechat, stored]) => ({ wechat, stored }),
        (error: Error) => error,
      ),
    );
  }

  return function look(): Promise<void> {
    // The one under way may have seen what was before: who asks meanwhile waits for the next one.
    if (looking) {
      next ??= looking.then(look);
      return next;
    }
    next = undefined;
    looking = lookOnce().finally(() => {
      looking = undefined;
    });
    return looking;
  };
}

/** What the server asked of WeChat since the last look, the oldest first; of many, how many were missed. */
export function newCalls(
  { calls: { last } }: WeChatState,
  before: WeChatState,
): { calls: WeChatCall[]; missed: number } {
  const [newest] = last;
  const known = before.calls.last[0]?.number ?? 0;
  // A sandbox that was reset counts from 1 again.
  const since = newest && newest.number < known ? 0 : known;
  const calls = last.filter(({ number }) => number > since).reverse();
  return { calls, missed: calls[0] ? calls[0].number - since - 1 : 0 };
}
