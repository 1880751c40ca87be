import { hash } from 'node:crypto';

/** So many characters of a digest are no accident. */
const PART = 16;
const ALGORITHMS = ['md5', 'sha1', 'sha256', 'sha512'];

/** Says whether a text holds the digest of one of these words, in hex or base64, whole or cut off. */
export function digestFinder(words: readonly string[]): (text: string) => boolean {
  const known = new Set(words.flatMap((word) => digestsOf(word)));
  return (text) => {
    const starts = Array.from({ length: Math.max(0, text.length - PART + 1) }, (_, at) => at);
    return starts.some((at) => {
      const part = text.slice(at, at + PART);
      return (
        known.has(part.toLowerCase()) || known.has(Buffer.from(part, 'base64').toString('hex').slice(0, PART))
      );
    });
  };
}

/** How they begin: those of the word, and those of one in hex. */
function digestsOf(word: string): string[] {
  return ALGORITHMS.flatMap((algorithm) => {
    const once = hash(algorithm, word);
    // An MD5 "of 16 digits" is the middle of it.
    const short = algorithm === 'md5' ? [once.slice(8, 8 + PART)] : [];
    const all = [once, ...short, hash('md5', once), hash('sha256', once)];
    return all.map((digest) => digest.slice(0, PART));
  });
}
