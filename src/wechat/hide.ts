import { scrub } from '../log.ts';

const MAX_LENGTH = 200;
/** What is looked at: enough for MAX_LENGTH to be left of any text of WeChat's. */
const SEEN = 2000;
const RID = /^[0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{8}$/;

/**
 * A text of WeChat's without what is private in it: what we sent, whole or in parts, what looks like a phone number,
 * and any long word with digits but the `rid`, which WeChat's support asks for.
 */
export function hide(text: string, secrets: readonly string[]): string {
  const telling = secrets.filter((secret) => secret.length >= 8); // a shorter one is no secret, and would garble the text
  const isOpaque = (word: string) => word.length >= 16 && /\d/.test(word) && !RID.test(word);
  const rest = telling
    .reduce((text, secret) => text.replaceAll(secret, '…'), text.slice(0, SEEN))
    // Before scrub, which would leave the rest of a word in which it finds something.
    .replace(/[\w+/=-]{8,}/g, (word) =>
      isOpaque(word) || telling.some((secret) => secret.includes(word)) ? '…' : word,
    );
  return scrub(rest, SEEN)
    .replace(/(?<!\d)(?:\+?86)?1\d{10}(?!\d)/g, '[phone]')
    .slice(0, MAX_LENGTH);
}
