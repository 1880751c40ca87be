import { z } from 'zod';
import type { Issue } from './errors.ts';
import type { Text } from './language.ts';

/** A zod check whose message exists in both languages; `toIssues` finds it again. */
export function rule(holds: (value: string) => boolean, text: Text) {
  return z.refine<string>(holds, { params: { text } });
}

const zh = z.locales.zhCN().localeError;
const en = z.locales.en().localeError;

/** A client that has this many fields wrong does not read on. */
const MAX_ISSUES = 20;

/** Turns zod's issues into ours, the first 20. The schema must have been run with `reportInput`, for texts that name a type. */
export function toIssues(error: z.ZodError, under = ''): Issue[] {
  return error.issues.slice(0, MAX_ISSUES).map((issue) => ({
    path: [under, ...issue.path.map(String)].filter(Boolean).join('.') || 'body',
    message: textOf(issue),
  }));
}

const MISSING = { zh: '缺少该字段', en: 'is missing' };

function textOf(issue: z.core.$ZodIssue): Text {
  if (issue.code === 'custom') return issue.params?.['text'] as Text;
  if (issue.code === 'invalid_type' && issue.input === undefined) return MISSING;
  return { zh: say(zh, issue), en: say(en, issue) };
}

function say(locale: typeof en, issue: z.core.$ZodIssue): string {
  const message = locale(issue as z.core.$ZodRawIssue);
  return (typeof message === 'string' ? message : message?.message) ?? issue.message;
}
