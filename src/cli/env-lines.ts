import { parse } from 'dotenv';
import { LINE_BREAK, type TextProblem } from './env-text.ts';

export interface EnvLines {
  readonly settings: Readonly<Record<string, string>>;
  /** What would be read otherwise than it was meant. */
  readonly problems: readonly TextProblem[];
}

/** One `NAME=value`, which may go over several lines between quotes. */
interface Assignment {
  readonly line: number;
  readonly text: string;
  readonly name: string;
  readonly value: string;
}

const QUOTES = /^["'`]/;
const TYPOGRAPHIC = /^[\u2018-\u201f\u300c-\u300f\uff02\uff07\u00ab\u2039]/;
/** Characters that nobody sees in an editor. */
const UNSEEN = /[\u00a0\u00ad\u200b-\u200f\u2028-\u202f\u2060-\u2064\ufeff]/;
/** The beginning of another setting: not the end of a base64 text. */
const ANOTHER = /^\s*(?:export\s+)?[A-Za-z_]\w*\s*=\s*[^=\s]/;

/**
 * Reads a file of settings as dotenv does, one after the other, and names each line that dotenv would leave out or take for
 * something else.
 * @param isOurs whether a name is one of our settings: what others keep in the file is theirs
 */
export function readEnvLines(text: string, isOurs: (name: string) => boolean): EnvLines {
  const problems: TextProblem[] = [];
  const found = new Map<string, Assignment>();
  const lines = text.split(LINE_BREAK);
  for (let at = 0; at < lines.length; ) {
    const line = at + 1;
    const [taken, assignment] = assignmentAt(lines, at);
    at += taken;
    if (assignment === 'blank') continue;
    if (assignment === 'none') {
      problems.push({ line, says: whyNone(lines[line - 1] ?? '') });
      continue;
    }
    const before = found.get(assignment.name);
    if (isOurs(assignment.name)) {
      problems.push(...problemsOf(assignment));
      if (before && before.value !== assignment.value)
        problems.push({
          line,
          says: `sets ${assignment.name} to another value than line ${before.line} does: keep one of them`,
        });
    }
    found.set(assignment.name, assignment);
  }
  return {
    settings: Object.fromEntries([...found.values()].map(({ name, value }) => [name, value])),
    problems,
  };
}

/** How many lines it takes, and what it is. */
function assignmentAt(lines: readonly string[], at: number): [number, Assignment | 'blank' | 'none'] {
  const first = lines[at] ?? '';
  if (/^\s*(?:#|$)/.test(first)) return [1, 'blank'];
  const read = (text: string): Assignment | undefined => {
    const [entry] = Object.entries(parse(text));
    return entry && { line: at + 1, text, name: entry[0], value: entry[1] };
  };
  const alone = read(first);
  if (!alone) return [1, 'none'];
  if (!isOpen(alone)) return [1, alone];
  // The quote may be closed further down, unless other settings stand between.
  for (let end = at + 1; end < lines.length && !ANOTHER.test(lines[end] ?? ''); end++) {
    const longer = read(lines.slice(at, end + 1).join('\n'));
    if (longer && !isOpen(longer)) return [end + 1 - at, longer];
  }
  return [1, alone];
}

/** Whether dotenv took the quote at the beginning for a part of the value. */
function isOpen(assignment: Assignment): boolean {
  const [quote] = QUOTES.exec(writtenIn(assignment)) ?? [];
  return quote !== undefined && assignment.value.startsWith(quote);
}

function writtenIn({ text }: Assignment): string {
  return text.replace(/^\s*(?:export\s+)?[\w.-]+\s*[=:]\s*/, '');
}

function problemsOf(assignment: Assignment): TextProblem[] {
  const { line, name } = assignment;
  const written = writtenIn(assignment);
  const say = (says: string) => [{ line, says }];
  if (assignment.text.includes('\ufffd'))
    return say('is not in UTF-8 (GBK, or Latin-1?): save the file as UTF-8');
  if (isOpen(assignment))
    return say(
      `begins the value of ${name} with a quote that is not closed, or has something behind the closing one: write ${name}="…"`,
    );
  if (TYPOGRAPHIC.test(written))
    return say(`has the value of ${name} in typographic quotes: write ${name}="…" with straight ones`);
  if (UNSEEN.test(assignment.value))
    return say(`has a character that is not seen in the value of ${name}: type it again`);
  const hash = QUOTES.test(written) ? -1 : written.indexOf('#');
  if (hash > 0 && !/\s/.test(written[hash - 1] ?? ''))
    return say(
      `has a # in the value of ${name}, and what follows it would be a comment: write ${name}="…" if it belongs to the value, else put a blank before it`,
    );
  return [];
}

/** Why a line sets nothing. */
function whyNone(line: string): string {
  const nothing = 'sets nothing: ';
  if (line.includes('\ufffd')) return 'is not in UTF-8 (GBK, or Latin-1?): save the file as UTF-8';
  if (/[＝：﹦]/.test(line)) return `${nothing}its sign is a full-width one: write NAME=value, all in ASCII`;
  if (UNSEEN.test(line)) return `${nothing}it has a character that is not seen: type it again as NAME=value`;
  if (/^\s*(?:set\s|\$env:)/i.test(line)) return `${nothing}it is a command of a shell: write NAME=value`;
  return `${nothing}write NAME=value, or # in front of what is a comment`;
}
