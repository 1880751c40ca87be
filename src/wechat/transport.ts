/*
 * What forms, proxies and helpers do to a text on its way from the phone. A damage is undone where only one text can have been meant.
 */

/** A text that was escaped again and again is somebody's mistake, but not endless. */
const MAX_ESCAPES = 3;
const ESCAPE = /%[0-9a-f]{2}/i;

/** Undoes URL-encoding, also repeated, of a text that has no `%` of its own. */
export function unescaped(text: string): string {
  let plain = text;
  for (let i = 0; i < MAX_ESCAPES && ESCAPE.test(plain); i++) plain = decoded(plain) ?? plain;
  return plain;
}

/** What URL-encoding makes a text of; undefined where the text is none that it makes. */
export function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/** Takes the quotes away that JSON puts around a text, where a text in quotes cannot be meant. */
export function unquoted(text: string): string {
  return /^\s*"[^"]*"\s*$/.test(text) ? text.trim().slice(1, -1) : text;
}

/** What a form or a careless client makes of an object. */
export function isObjectText(text: string): boolean {
  return /^\[object \w+\]$/.test(text.trim());
}
