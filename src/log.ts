import { type DestinationStream, type Logger, pino } from 'pino';

export type { Logger } from 'pino';

/** JSON lines on standard output, or where a test wants them. */
export function createLog(level: string, destination?: DestinationStream): Logger {
  const options = { level, base: null, timestamp: pino.stdTimeFunctions.isoTime };
  return destination ? pino(options, destination) : pino(options);
}

/**
 * The last line of defence for free text that goes into a log, such as a driver's message or a path that somebody
 * typed: what looks like a token, a session_key, an openid or a login code is masked.
 */
export function scrub(text: string): string {
  return text
    .replace(/eyJ[\w-]+\.[\w-]*\.?[\w-]*/g, '[token]')
    .replace(/[A-Za-z0-9+/]{22}==/g, '[session_key]')
    .replace(/\bo[\w-]{27}(?![\w-])/g, '[openid]')
    .replace(/\b0[A-Za-z0-9]{31}\b/g, '[code]');
}
