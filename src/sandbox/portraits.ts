import { digest } from './identities.ts';

/** How the hair lies about a head of 24 by 28 whose middle is at (66, 56). */
const HAIR = [
  'M41 58C38 34 50 24 66 24S94 34 91 58C88 46 82 42 66 42S44 46 41 58Z', // short
  'M40 88C34 40 46 22 66 22S98 40 92 88L84 88C90 60 84 46 74 40 64 48 52 48 46 52 44 64 46 78 48 88Z', // long
  'M66 8a11 11 0 1 1-.1 0ZM41 56C40 36 50 26 66 26S92 36 91 56C86 46 78 40 66 40S46 46 41 56Z', // a bun
  'M42 52C34 50 36 38 43 38 40 28 52 22 58 27 62 18 76 20 77 27 87 24 93 34 89 40 97 44 94 54 90 52 86 46 80 44 66 44S46 46 42 52Z', // curls
  'M40 74C34 38 48 24 66 24S98 38 92 74L87 74C88 56 86 48 84 46L48 46C46 48 44 56 45 74Z', // a fringe
  'M41 56C38 34 52 22 70 23 86 22 96 34 91 56C88 48 84 42 76 36 66 44 50 42 45 48 43 50 42 53 41 56Z', // to the side
];
const HAIR_COLOURS = ['#2b2627', '#4b3028', '#963f22', '#c99e5f', '#a5a1a0'];
const SKIN_COLOURS = ['#f3d3bd', '#e6b996', '#cf9a74', '#a87250', '#7b5039'];
const HUES = 12;

/** A calm portrait as SVG. The text only decides which: nothing of it is in there. */
export function portraitOf(text: string): string {
  const bytes = digest(`portrait:${text}`);
  const pick = (at: number, count: number) => bytes.readUInt16BE(2 * at) % count;
  const hue = (360 / HUES) * pick(0, HUES);
  const shirt = (hue + 90 * (1 + pick(1, 3))) % 360;
  const skin = SKIN_COLOURS[pick(2, SKIN_COLOURS.length)];
  const hair = HAIR_COLOURS[pick(3, HAIR_COLOURS.length)];
  return picture(
    `hsl(${hue},36%,80%)`,
    `<path d="M16 132C16 106 40 97 66 97S116 106 116 132Z" fill="hsl(${shirt},30%,46%)"/>`,
    `<path d="M56 76H76V96A10 10 0 0 1 56 96Z" fill="${skin}"/>`,
    `<ellipse cx="66" cy="56" rx="24" ry="28" fill="${skin}"/>`,
    `<path d="${HAIR[pick(4, HAIR.length)]}" fill="${hair}"/>`,
  );
}

/** The grey picture of who has none. */
export const SILHOUETTE = picture(
  '#e2e2e2',
  '<path d="M16 132C16 106 40 97 56 96V76H76V96C92 97 116 106 116 132Z" fill="#b6b6b6"/>',
  '<ellipse cx="66" cy="56" rx="26" ry="29" fill="#b6b6b6"/>',
);

function picture(ground: string, ...shapes: string[]): string {
  const square = `<rect width="132" height="132" fill="${ground}"/>`;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="132" height="132" viewBox="0 0 132 132">${square}${shapes.join('')}</svg>\n`;
}
