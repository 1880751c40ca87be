import { inspect } from 'node:util';
import { expect } from 'vitest';
import { AppError } from '../../src/errors.ts';
import { keepLog } from './no-secrets.ts';

/** The AppError that a call fails with. Whatever it holds is looked at like a log: see no-secrets.ts. */
export async function failureOf(call: Promise<unknown>): Promise<AppError> {
  const error = await call.then(
    () => undefined,
    (failure: unknown) => failure,
  );
  expect(error).toBeInstanceOf(AppError);
  keepLog(inspect(error, { depth: Number.POSITIVE_INFINITY, showHidden: true }));
  return error as AppError;
}
