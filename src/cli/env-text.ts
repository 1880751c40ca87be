/** What is wrong with a file of settings, and in which line; never a value. */
export interface TextProblem {
  readonly line?: number;
  readonly says: string;
}

const NOT_UTF_8 = 'is neither UTF-8 nor UTF-16 with a byte order mark: save it as UTF-8';

/**
 * The text of a file in UTF-8, or in the UTF-16 that Windows PowerShell's `>` writes. What is no UTF-8 becomes U+FFFD, which
 * the lines are looked through for: in a comment it does no harm.
 */
export function decodeEnvFile(bytes: Uint8Array): string | TextProblem {
  const text = new TextDecoder(encodingOf(bytes)).decode(bytes);
  if (!text.includes('\0')) return text;
  // UTF-16 without a mark, UTF-32, or no text at all.
  return {
    line: text.slice(0, text.indexOf('\0')).split(LINE_BREAK).length,
    says: `${NOT_UTF_8} (it has NUL bytes)`,
  };
}

export const LINE_BREAK = /\r\n|[\r\n\u2028\u2029]/;

function encodingOf([first, second]: Uint8Array): string {
  if (first === 0xff && second === 0xfe) return 'utf-16le';
  return first === 0xfe && second === 0xff ? 'utf-16be' : 'utf-8';
}
