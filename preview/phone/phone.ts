import { whoIn } from '../who.ts';

/** What the phone tells the page around it, which has it in a frame. */
export type PhoneEvent =
  | { readonly kind: 'call'; readonly title: string; readonly result: string; readonly shown?: unknown }
  | { readonly kind: 'request'; readonly exchange: Exchange }
  | { readonly kind: 'error'; readonly message: string };

/** The same on its way: with when it was, as `Date.now()`. */
export type Told = PhoneEvent & { readonly at: number };

/** A request of the mini program to its server. */
export interface Exchange {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  /** What was sent; a file as its name and size. */
  readonly body: unknown;
  /** The token that was sent; it never leaves this machine's browser. */
  readonly token: string | undefined;
  readonly startedAt: number;
  readonly ms: number;
  /** 0 where there was no answer. */
  readonly status: number;
  readonly answer: unknown;
}

/** What the page around the phone may do with it: `frame.contentWindow.phone`. */
export interface Phone {
  /** The token that the mini program keeps. */
  token(): string | undefined;
  /** Puts another token in the place of the kept one, as if it had always been that. */
  replaceToken(token: string): void;
  /** Has the mini program ask for the same so many times at once. */
  requests(count: number): void;
  /** Forgets what the mini program stored, as when it is deleted from the phone. */
  clear(): void;
}

/** Whose phone it is. */
export const who = whoIn(location.search);

/** Tells the page around the phone, where there is one. */
export function say(event: PhoneEvent): void {
  const told: Told = { ...event, at: Date.now() };
  if (parent !== window) parent.postMessage(told, location.origin);
}
