import type { Request } from 'express';
import Negotiator from 'negotiator';

/** A text for a person, in the two languages that replies speak. */
export interface Text {
  readonly zh: string;
  readonly en: string;
}

/** Browsers send less. Each language of the header costs as much as all that stand before it. */
const MAX_ACCEPTED = 200;

/** Picks the language of a reply: Chinese, or English where `Accept-Language` prefers it. */
export function textFor(req: Request, text: Text): string {
  const headers = { 'accept-language': req.get('accept-language')?.slice(0, MAX_ACCEPTED) };
  return new Negotiator({ headers }).language(['zh', 'en']) === 'en' ? text.en : text.zh;
}
