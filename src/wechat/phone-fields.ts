import { z } from 'zod';

/** The longest number, country code included. @see https://www.itu.int/rec/T-REC-E.164 */
const MAX_DIGITS = 15;

/** A country code: `86`, as a text or a number. Four digits where a country shares its first with others: `1876`. */
export const countryCode = z
  .union([z.string(), z.number().transform(String)])
  .pipe(z.string().regex(/^[1-9]\d{0,3}$/));

/** A number without its country code. */
export const nationalNumber = z.string().regex(/^\d{4,14}$/);

interface Parts {
  readonly purePhoneNumber: string;
  readonly countryCode: string;
}

/** Whether the parts make a number that can be dialled. */
export const isDialable = ({ purePhoneNumber, countryCode }: Parts): boolean =>
  countryCode.length + purePhoneNumber.length <= MAX_DIGITS;

/** The international form of a number: `+8613800138000`. */
export const toInternational = ({ purePhoneNumber, countryCode }: Parts): string =>
  `+${countryCode}${purePhoneNumber}`;

/** Whether `phoneNumber` says the same: the whole number, with or without `+`; a Chinese one usually has no code in front. */
export function agrees(phoneNumber: string, parts: Parts): boolean {
  const international = toInternational(parts);
  const chinese = parts.countryCode === '86' && phoneNumber === parts.purePhoneNumber;
  return chinese || phoneNumber === international || `+${phoneNumber}` === international;
}
