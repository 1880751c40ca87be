import { z } from 'zod';

/**
 * `wxuser.id`, an integer of 64 bits: a number where a number holds it exactly, else the text of its digits. So it loses
 * none in JSON, and each id has one form, which `===` compares.
 */
export type UserId = number | `${bigint}`;

/** The largest of a BIGINT UNSIGNED. */
export const LARGEST_ID = 2n ** 64n - 1n;

/** The id that digits name; undefined for a text that names none. */
export function parseUserId(text: string): UserId | undefined {
  if (!/^[1-9]\d{0,19}$/.test(text)) return undefined;
  const id = BigInt(text);
  return id <= LARGEST_ID ? exactInteger(id) : undefined;
}

/** Any integer of a database, in the form of an id. */
export function exactInteger(integer: bigint): UserId {
  const number = Number(integer);
  return Number.isSafeInteger(number) ? number : `${integer}`;
}

/** The id that a text of a token names. */
export const userIdSchema = z
  .string()
  .transform(parseUserId)
  .pipe(z.custom<UserId>((id) => id !== undefined));
