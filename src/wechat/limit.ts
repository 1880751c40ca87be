import { AppError } from '../errors.ts';

/** The longest that a call may take, whatever it waits for: connections, drops of a reply, a token, a repetition. */
export interface Limit {
  readonly signal: AbortSignal;
  /** @param way the proxy between, as it may be shown */
  exceeded(way?: string): AppError;
  /** Waits for something that goes on for others when this call's time is over. @throws {AppError} `wechat_unavailable` */
  wait<T>(work: Promise<T>): Promise<T>;
}

/** A limit that begins now. */
export function limitTo(ms: number): Limit {
  const signal = AbortSignal.timeout(ms);
  const exceeded = (way?: string) => {
    const hint = way ? ` by way of ${way}: is that an HTTP proxy that reaches WeChat?` : '';
    return new AppError('wechat_unavailable', { reason: `WeChat did not answer within ${ms} ms${hint}` });
  };
  return {
    signal,
    exceeded,
    wait(work) {
      const late = new Promise<never>((_resolve, reject) => {
        if (signal.aborted) reject(exceeded());
        else signal.addEventListener('abort', () => reject(exceeded()), { once: true });
      });
      return Promise.race([work, late]);
    },
  };
}
