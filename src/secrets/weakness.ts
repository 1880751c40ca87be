import { PUBLISHED_SECRETS } from './published.ts';
import { hasPattern, readingsOf } from './readings.ts';
import { guessable } from './strength.ts';

/** The value of a setting. */
export interface Given {
  readonly name: string;
  readonly value: string;
}

/** So many characters in common are no accident. */
const PART = 12;
/** What is shorter can be in a random secret by chance. */
const SHORTEST = 8;
/** Of a longer secret the two ends are judged, in bounded time. */
const LONG = 512;
const PUBLISHED = PUBLISHED_SECRETS.flatMap((text) => readingsOf(text));

/**
 * Why others know a secret or can guess it, or nothing. Base64 and hex are also judged by what they encode.
 * @param least how many bytes it must have, and how many that are not known
 * @param others the other settings
 */
export function weaknessOf(given: string, least: number, others: readonly Given[]): string | undefined {
  const secret = given.length > LONG ? given.slice(0, LONG / 2) + given.slice(-LONG / 2) : given;
  if (/^<.*>$/.test(secret)) return 'is a published example';
  const readings = readingsOf(secret).map((text) => ({ text, unknown: without(text, PUBLISHED) }));
  const isShort = (rest: string, text: string) => rest.length < Math.min(least, text.length);
  if (readings.some(({ text, unknown }) => isShort(unknown, text)))
    return 'is a published example, or made of one';
  // A short reading may have a blank by chance.
  const isText = (text: string) => !/^[!-~]*$/.test(text);
  if (isText(given) || readings.some(({ text }) => Buffer.byteLength(text) >= 16 && isText(text)))
    return 'must be letters, digits and signs without blanks, as a generator makes them';
  if (readings.some(({ text }) => /^(?:-----BEGIN|\{")/.test(text))) return 'is a token or a key file';
  if (Buffer.byteLength(secret) < least) return `must have at least ${least} bytes`;
  if (hasPattern(secret)) return 'is a sequence or repeats itself';
  const source = others.find(({ value }) =>
    readings.some(({ text }) => isShort(without(text, partsOf(value)), text)),
  );
  if (source) return `has the value of ${source.name} in it, and each needs its own`;
  return readings.map(({ unknown }) => guessable(unknown)).find((reason) => reason !== undefined);
}

/** What is left of a text without what it shares with known ones, in whatever case, backwards too. */
function without(text: string, known: readonly string[]): string {
  const letters = [...text.toLowerCase()].filter((letter) => /[a-z0-9]/.test(letter));
  const plain = letters.join('');
  const isKnown = new Array<boolean>(plain.length).fill(false);
  for (const part of known.flatMap(piecesOf)) {
    for (let at = plain.indexOf(part); at >= 0; at = plain.indexOf(part, at + 1))
      isKnown.fill(true, at, at + part.length);
  }
  return isKnown.includes(true) ? letters.filter((_, i) => !isKnown[i]).join('') : text;
}

function piecesOf(known: string): string[] {
  const plain = known.toLowerCase().replace(/[^a-z0-9]/g, '');
  return [plain, [...plain].reverse().join('')].flatMap((each) => {
    if (each.length < SHORTEST) return [];
    if (each.length <= PART) return [each];
    return Array.from({ length: each.length - PART + 1 }, (_, i) => each.slice(i, i + PART));
  });
}

/** A URL or a list is known by its parts: a password, a name. */
function partsOf(value: string): string[] {
  return [value, ...value.split(/[\s,:/@?&=]+/).flatMap((part) => [part, decoded(part)])];
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
