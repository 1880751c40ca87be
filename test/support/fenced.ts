import { readFileSync } from 'node:fs';

/** What a document shows as code of a language, in order. */
export function fenced(document: string, language: string): string[] {
  const text = readFileSync(new URL(`../../${document}`, import.meta.url), 'utf8');
  const blocks = text.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'gm'));
  return [...blocks].map(([, code = '']) => code);
}

/** Puts in other values, each of which must stand there. */
export function withValues(text: string, values: Readonly<Record<string, string>>): string {
  return Object.entries(values).reduce((before, [from, to]) => {
    if (!before.includes(from)) throw new Error(`${from} does not stand there`);
    return before.replaceAll(from, to);
  }, text);
}
