import type { Request } from 'express';

/** A text for a person, in the two languages that replies speak. */
export interface Text {
  readonly zh: string;
  readonly en: string;
}

/** Picks the language of a reply: Chinese, or English where `Accept-Language` prefers it. */
export function textFor(req: Request, text: Text): string {
  return req.acceptsLanguages('zh', 'en') === 'en' ? text.en : text.zh;
}
