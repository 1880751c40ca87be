import { AppError } from '../errors.ts';
import type { Text } from '../language.ts';

/** A name from the path. @throws {AppError} `invalid_request` where it is none */
export function nameOf(parameter: string | string[] | undefined): string {
  const name = String(parameter).trim();
  return name.length > 0 && name.length <= 64
    ? name
    : wrong('user', { zh: '须为 1 至 64 个字符', en: 'must have 1 to 64 characters' });
}

/** Names a field of the request that is wrong. */
export function wrong(path: string, message: Text): never {
  throw new AppError('invalid_request', { issues: [{ path, message }] });
}
