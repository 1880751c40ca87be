/**
 * What shows nothing, or only turns the direction of other text: joiners, marks, selectors, tags, fillers, separators, controls; and
 * what is no character: halves of a surrogate pair, noncharacters, the place of an object that was dictated or pasted.
 */
const INVISIBLE =
  /[\p{Cf}\p{Cc}\p{Cs}\p{Default_Ignorable_Code_Point}\p{Zl}\p{Zp}\p{Noncharacter_Code_Point}\uFFFC]/gu;

/** Controls that part two words, as a blank does. */
const BLANKS = /[\t-\r\x85]/g;

/** Number signs and the like: format characters that are seen. */
const SEEN = /[\u0600-\u0605\u06DD\u070F\u0890\u0891\u08E2\u{110BD}\u{110CD}]/u;

/** Where an invisible character changes what is seen. */
const MEANT = [
  /\u{1F3F4}[\u{E0030}-\u{E0039}\u{E0061}-\u{E007A}]{3,6}\u{E007F}/gu, // the flag of a part of a country
  /\p{Extended_Pictographic}[\uFE0E\uFE0F]/gu, // an emoji as a picture, or as a text
  /\p{Extended_Pictographic}(?:[\uFE0E\uFE0F]|\p{Emoji_Modifier})?\u200D(?=\p{Extended_Pictographic})/gu, // emoji that are joined
  /[0-9#*]\uFE0F\u20E3/gu, // a keycap
  /\p{Unified_Ideograph}[\uFE00-\uFE02\u{E0100}-\u{E01EF}]/gu, // a variant of a Han character
  /(?=\p{L})\p{sc=Mong}[\u180B-\u180D\u180F]/gu, // a variant of a Mongolian letter
  /[\u094D\u09CD\u0A4D\u0ACD\u0B4D\u0BCD\u0C4D\u0CCD\u0D4D\u0DCA]\u200D/gu, // half a letter, also at the end
];

/** What tells two letters to join, or not to. */
const JOINER = /[\u180E\u200C\u200D]/gu;

/** A letter, or a mark on one, of a script where that is seen. */
const JOINING =
  /^(?!\p{Default_Ignorable_Code_Point})(?=[\p{L}\p{M}])[\p{scx=Arab}\p{scx=Syrc}\p{scx=Nkoo}\p{scx=Adlm}\p{scx=Mong}\p{scx=Deva}\p{scx=Beng}\p{scx=Guru}\p{scx=Gujr}\p{scx=Orya}\p{scx=Taml}\p{scx=Telu}\p{scx=Knda}\p{scx=Mlym}\p{scx=Sinh}\p{scx=Khmr}\p{scx=Mymr}]/u;

/** No name is longer, whatever is invisible in it. */
const MAX_LENGTH = 2048;

/**
 * A text without its invisible characters and its controls, but for those that belong to an emoji or a letter; a tab or a new line is
 * a blank. One that is too long for any name stays as it is.
 */
export function visible(sent: string): string {
  if (sent.length > MAX_LENGTH || sent.search(INVISIBLE) < 0) return sent;
  const text = sent.replace(BLANKS, ' ');
  const kept = new Set(MEANT.flatMap((meant) => [...text.matchAll(meant)].flatMap(placesOf)));
  for (const { index } of text.matchAll(JOINER)) if (joins(text, index)) kept.add(index);
  return text.replace(INVISIBLE, (char, index: number) => (kept.has(index) || SEEN.test(char) ? char : ''));
}

function placesOf({ 0: match, index }: RegExpExecArray): number[] {
  return Array.from({ length: match.length }, (_, i) => index + i);
}

function joins(text: string, index: number): boolean {
  const before = [...text.slice(Math.max(0, index - 2), index)].at(-1) ?? '';
  return JOINING.test(before) && JOINING.test(text.slice(index + 1, index + 3));
}

/** Whether a text shows something. The two that are not blanks to Unicode, but look like one: Braille without dots, a note without a head. */
export function showsSomething(text: string): boolean {
  return /[^\s\u2800\u{1D159}]/u.test(text);
}
