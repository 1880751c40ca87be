import { type DestinationStream, type Logger, pino } from 'pino';

export type { Logger } from 'pino';

/** JSON lines on standard output, or where a test wants them. */
export function createLog(level: string, destination?: DestinationStream): Logger {
  const options = { level, base: null, timestamp: pino.stdTimeFunctions.isoTime };
  return destination ? pino(options, destination) : pino(options);
}

/** No secret that `scrub` knows is longer, but for tokens, which it knows by their beginning. */
const LONGEST_SECRET = 64;

/**
 * The last line of defence for free text that goes into a log, such as a driver's message or a path that somebody
 * typed: what looks like a token, a session_key, an openid or a login code is masked.
 * @param length of what is kept. No expression sees much more of the text, which may be of any length.
 */
export function scrub(text: string, length: number): string {
  const seen = mask(text.slice(0, length + LONGEST_SECRET));
  return text.length > length + LONGEST_SECRET ? withoutHalf(seen).slice(0, length) : seen.slice(0, length);
}

/** Where a text was cut may stand the half of a secret, which no expression knows. */
function withoutHalf(text: string): string {
  const word = text.search(/(?<![\w+/=-])[\w+/=-]+$/);
  return word < 0 ? text : text.slice(0, Math.max(word, text.length - LONGEST_SECRET));
}

function mask(text: string): string {
  return text
    .replace(/[\w.-]+/g, maskToken)
    .replace(/[A-Za-z0-9+/]{22}==/g, '[session_key]')
    .replace(/\bo[\w-]{27}(?![\w-])/g, '[openid]')
    .replace(/\b0[A-Za-z0-9]{31}\b/g, '[code]');
}

/** A token begins with `{"` in base64. An expression that looks for this in every place reads what follows as often. */
function maskToken(word: string): string {
  const start = word.indexOf('eyJ');
  return start < 0 || word.length - start < 12 ? word : `${word.slice(0, start)}[token]`;
}
