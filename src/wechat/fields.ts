import { z } from 'zod';

/** WeChat sends numbers; proxies and test doubles that build the JSON themselves send some as texts. */
export const number = z.union([
  z.number(),
  z
    .string()
    .regex(/^-?\d{1,15}$/)
    .transform(Number),
]);

/** A field that WeChat has no value for is missing, `null` or an empty text. */
export function noneIfEmpty(value: unknown): unknown {
  return value === null || value === '' ? undefined : value;
}
