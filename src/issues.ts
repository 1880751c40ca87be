import { z } from 'zod';
import type { Issue } from './errors.ts';
import type { Text } from './language.ts';

/** A zod check whose message exists in both languages; `toIssues` finds it again. Those behind it are not run when it fails. */
export function rule(holds: (value: string) => boolean, text: Text) {
  return z.refine<string>(holds, { params: { text }, abort: true });
}

/** A client that has this many fields wrong does not read on. */
const MAX_ISSUES = 20;

/** Turns zod's issues into ours, the first 20. The schema must have been run with `reportInput`, for texts that name a type. */
export function toIssues(error: z.ZodError, under = ''): Issue[] {
  return error.issues.slice(0, MAX_ISSUES).map((issue) => ({
    path: [under, ...issue.path.map(String)].filter(Boolean).join('.') || 'body',
    message: textOf(issue),
  }));
}

const MISSING: Text = { zh: '缺少该字段', en: 'is missing' };
const NOT_VALID: Text = { zh: '格式不正确', en: 'does not have the right form' };
const EMPTY: Text = { zh: '不能为空', en: 'must not be empty' };

/** What zod calls a type, as people do. */
const TYPES: Readonly<Record<string, Text>> = {
  string: { zh: '文本', en: 'a text' },
  number: { zh: '数字', en: 'a number' },
  int: { zh: '整数', en: 'a whole number' },
  boolean: { zh: ' true 或 false', en: 'true or false' },
  object: { zh: '对象', en: 'an object' },
  array: { zh: '数组', en: 'a list' },
  null: { zh: ' null', en: 'null' },
  url: { zh: ' http(s) 地址', en: 'an http(s) URL' },
  ipv4: { zh: ' IP 地址', en: 'an IP address' },
  ipv6: { zh: ' IP 地址', en: 'an IP address' },
};

/** What is wrong, in our words: zod's own texts speak of numbers that are too small where a text is empty, and quote expressions. */
export function textOf(issue: z.core.$ZodIssue): Text {
  switch (issue.code) {
    case 'custom':
      return (issue.params?.['text'] as Text | undefined) ?? NOT_VALID;
    case 'invalid_type':
      return issue.input === undefined ? MISSING : wrongType([issue.expected], issue.input);
    case 'invalid_format':
      return issue.format in TYPES ? mustBe([issue.format]) : NOT_VALID;
    case 'invalid_union':
      return issue.input === undefined ? MISSING : wrongType(issue.errors.flatMap(expectedOf), issue.input);
    case 'invalid_value':
      return issue.input === undefined ? MISSING : oneOf(issue.values);
    case 'too_small':
      return limit(issue.origin, Number(issue.minimum), 'least');
    case 'too_big':
      return limit(issue.origin, Number(issue.maximum), 'most');
    case 'unrecognized_keys':
      return unknownFields(issue.keys);
    default:
      return NOT_VALID;
  }
}

/** What one branch of a union would have taken. */
function expectedOf(issues: readonly z.core.$ZodIssue[]): string[] {
  return issues.map((issue) => {
    if (issue.code === 'invalid_type') return issue.expected;
    return issue.code === 'invalid_format' ? issue.format : 'object';
  });
}

function mustBe(expected: readonly string[]): Text {
  const names = [...new Set(expected)].flatMap((name) => TYPES[name] ?? []);
  if (names.length === 0) return NOT_VALID;
  const [zh, en] = [[...new Set(names.map((name) => name.zh))], [...new Set(names.map((name) => name.en))]];
  return { zh: `必须是${zh.join('或')}`, en: `must be ${en.join(' or ')}` };
}

function wrongType(expected: readonly string[], input: unknown): Text {
  const must = mustBe(expected);
  const came = TYPES[typeOf(input)];
  const isThat = expected.includes(typeOf(input)) || (expected.includes('int') && typeof input === 'number');
  if (must === NOT_VALID || !came || isThat) return must;
  return { zh: `${must.zh}，不能是${came.zh}`, en: `${must.en}, not ${came.en}` };
}

/** Names of fields are the client's own texts: only those that look like a name are said. */
function unknownFields(keys: readonly string[]): Text {
  const names = keys.filter((key) => /^\w{1,40}$/.test(key)).slice(0, 5);
  return { zh: `有无法识别的字段：${names.join('、')}`, en: `has unknown fields: ${names.join(', ')}` };
}

function typeOf(input: unknown): string {
  if (input === null) return 'null';
  return Array.isArray(input) ? 'array' : typeof input;
}

function oneOf(values: readonly unknown[]): Text {
  const [zh, en] = [values.join('、'), values.join(', ')];
  return { zh: `必须是以下之一：${zh}`, en: `must be one of ${en}` };
}

function limit(origin: string, count: number, which: 'least' | 'most'): Text {
  const isLeast = which === 'least';
  const zh = isLeast ? '最少' : '最多';
  const en = `at ${which} ${count}`;
  if (origin === 'string')
    return isLeast && count === 1 ? EMPTY : { zh: `${zh} ${count} 个字符`, en: `must have ${en} characters` };
  if (origin === 'array') return { zh: `${zh} ${count} 项`, en: `must have ${en} items` };
  return { zh: isLeast ? `不能小于 ${count}` : `不能大于 ${count}`, en: `must be ${en}` };
}
