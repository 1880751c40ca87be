import { say } from './dom.ts';

/** The local WeChat as its control API shows it, as far as the page looks. */
export interface WeChatState {
  readonly clock: { readonly aheadMs: number };
  readonly users: readonly { readonly user: string; readonly profile: 'named' | 'anonymous' }[];
  readonly faults: readonly { readonly endpoint: string; readonly errcode?: number; readonly cut?: true }[];
  readonly calls: { readonly last: readonly WeChatCall[] };
}

/** A request of the server to WeChat; the newest comes first. */
export interface WeChatCall {
  /** Counts all calls. */
  readonly number: number;
  readonly at: string;
  readonly endpoint: string;
  readonly method: string;
  readonly query: unknown;
  readonly body: unknown;
  readonly status?: number;
  readonly answer: unknown;
}

/** What the server has stored of a user. */
export interface Stored {
  readonly row: Readonly<Record<string, unknown>> | null;
  readonly sessions: readonly StoredSession[];
}

/** A session, as its user sees it. */
export interface StoredSession {
  readonly id: string;
  readonly device: string;
  readonly place: string;
  readonly createdAt: string;
  readonly expiresAt: string;
}

/**
 * Asks the server, in JSON.
 * @throws {Error} with what it says for people, or that it does not answer
 */
export async function ask<T>(method: string, path: string, body?: object): Promise<T> {
  const sent = body && { body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } };
  const response = await fetch(`/sandbox${path}`, { method, ...sent }).catch(() => {
    throw new Error(say('服务器没有应答', 'The server does not answer'));
  });
  const answer = await response.json();
  if (!response.ok) throw new Error(textOf(answer as Refusal));
  return answer as T;
}

interface Refusal {
  readonly messages: string;
  readonly issues?: readonly { readonly path: string; readonly message: string }[];
}

function textOf({ messages, issues = [] }: Refusal): string {
  return [messages, ...issues.map(({ path, message }) => `${path} ${message}`)].join(' ');
}

/** Where the server shows a user of the local WeChat. */
export const userPath = (user: string) => `/demo/users/${encodeURIComponent(user)}`;
