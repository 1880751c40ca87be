/** What a clause of a column's definition is about. */
export type ClauseKind =
  | 'type'
  | 'charset'
  | 'null'
  | 'default'
  | 'onUpdate'
  | 'counting'
  | 'computed'
  | 'comment'
  | 'check'
  | 'option';

interface Clause {
  readonly kind: ClauseKind;
  readonly words: readonly string[];
}

/** The words that begin a clause; every other word belongs to the clause before it. */
const BEGINS: Readonly<Record<string, ClauseKind>> = {
  CHARACTER: 'charset',
  COLLATE: 'charset',
  NOT: 'null',
  NULL: 'null',
  DEFAULT: 'default',
  ON: 'onUpdate',
  AUTO_INCREMENT: 'counting',
  AS: 'computed',
  GENERATED: 'computed',
  COMMENT: 'comment',
  CHECK: 'check',
  INVISIBLE: 'option',
  WITHOUT: 'option',
};

/** A text, a quoted name, a comment, a parenthesis, a blank, or what is between them. */
const TOKEN = /'(?:[^'\\]|\\.?)*'?|`[^`]*`?|\/\*(?:[^*]|\*(?!\/))*(?:\*\/)?|[()]|\s+|[^'`()\s/]+|\//g;

/** A definition as `SHOW CREATE TABLE` has it, word by word; a text and what is in parentheses are within a word. */
function wordsOf(definition: string): string[] {
  const words: string[] = [];
  let word = '';
  let depth = 0;
  for (const [token] of definition.matchAll(TOKEN)) {
    if (token === '(') depth++;
    if (token === ')') depth--;
    if (depth > 0 || token.trim() !== '') word += token;
    else if (word !== '') {
      words.push(word);
      word = '';
    }
  }
  return word === '' ? words : [...words, word];
}

function clausesOf(definition: string): Clause[] {
  const clauses: { kind: ClauseKind; words: string[] }[] = [{ kind: 'type', words: [] }];
  let before = '';
  for (const word of wordsOf(definition)) {
    const begins = word.startsWith('/*!') ? 'option' : BEGINS[word.toUpperCase()];
    const isOperand = /^(?:NOT|DEFAULT)$/i.test(before);
    if (begins && !isOperand) clauses.push({ kind: begins, words: [word] });
    else clauses.at(-1)?.words.push(word);
    before = word;
  }
  return clauses;
}

/** A definition without its clauses of some kinds. */
export function without(definition: string, ...kinds: readonly ClauseKind[]): string {
  return clausesOf(definition)
    .filter(({ kind }) => !kinds.includes(kind))
    .map(({ words }) => words.join(' '))
    .join(' ');
}

/** The clauses of some kinds; empty where there are none. */
export function only(definition: string, ...kinds: readonly ClauseKind[]): string {
  return clausesOf(definition)
    .filter(({ kind }) => kinds.includes(kind))
    .map(({ words }) => words.join(' '))
    .join(' ');
}

/** The default as SQL; undefined where it is NULL or there is none. */
export function defaultOf(definition: string): string | undefined {
  const value = only(definition, 'default').replace(/^DEFAULT /i, '');
  return value === '' || /^NULL$/i.test(value) ? undefined : value;
}

/** Whether a default is a value, and no expression. */
export const isLiteral = (value: string): boolean => /^(?:\w*'|[-+]?[\d.]|(?:true|false)$)/i.test(value);
