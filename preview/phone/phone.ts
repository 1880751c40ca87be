/** What the phone tells the page around it, which has it in a frame. */
export type PhoneEvent =
  | { readonly kind: 'call'; readonly name: string; readonly result: string; readonly shown?: unknown }
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
  readonly user: string;
  /** The token that the mini program keeps. */
  token(): string | undefined;
  /** Puts another token in the place of the kept one, as if it had always been that. */
  replaceToken(token: string): void;
  /** Has the mini program ask for the same so many times at once. */
  requests(count: number): void;
  /** Forgets what the mini program stored, as when it is deleted from the phone. */
  clear(): void;
}

const query = new URLSearchParams(location.search);

/** Whose phone it is: the name that the local WeChat knows him by. */
export const user = query.get('user') || 'Ada';

/** Which of his phones. */
export const phoneNumber = query.get('phone') || '1';

/** Where the local WeChat is. */
export const SANDBOX = '/sandbox';

export function say(event: PhoneEvent): void {
  const told: Told = { ...event, at: Date.now() };
  if (parent !== window) parent.postMessage(told, location.origin);
}

/** Asks the local WeChat. */
export async function askSandbox<T>(method: 'GET' | 'POST', path: string, body?: object): Promise<T> {
  const response = await fetch(SANDBOX + path, {
    method,
    ...(body && { body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } }),
  });
  if (!response.ok) throw new Error(`the local WeChat answered HTTP ${response.status}`);
  return response.json() as Promise<T>;
}
