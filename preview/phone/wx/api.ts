import { say } from '../phone.ts';

/** What a caller of wx may give with the options. */
export interface Callbacks<Result> {
  success?(result: Result & { errMsg: string }): void;
  fail?(error: { errMsg: string }): void;
  complete?(outcome: { errMsg: string }): void;
}

interface How {
  /** Whether the page around the phone is told of it. */
  readonly told?: boolean;
}

/**
 * A function of wx: with callbacks, or, without any, a promise.
 * @param run does it, with what the caller gave; what it throws is what fails
 */
export function api<Options extends object, Result extends object = object>(
  name: string,
  run: (options: Options) => unknown,
  { told = false }: How = {},
) {
  return (
    options: Partial<Options & Callbacks<Result>> = {},
  ): Promise<Result & { errMsg: string }> | undefined => {
    // It begins at once: some calls are allowed in a tap only.
    const result = begin(run, options as Options).then(
      (found) => ({ errMsg: `${name}:ok`, ...Object(found) }) as Result & { errMsg: string },
      (error: Error) => {
        throw { errMsg: `${name}:fail ${error.message}` };
      },
    );
    if (told) {
      const tell = (outcome: { errMsg: string }) =>
        say({
          kind: 'call',
          title: `wx.${name}`,
          result: outcome.errMsg.replace(/^\w+:/, ''),
          shown: outcome,
        });
      result.then(tell, tell);
    }
    const { success, fail, complete } = options;
    if (!success && !fail && !complete) return result;
    result.then(
      (found) => {
        success?.(found);
        complete?.(found);
      },
      (error) => {
        fail?.(error);
        complete?.(error);
      },
    );
    return undefined;
  };
}

async function begin<Options>(run: (options: Options) => unknown, options: Options): Promise<unknown> {
  return run(options);
}
