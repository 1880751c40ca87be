/** The local WeChat as its control API shows it, as far as the page looks. */
export interface WeChatState {
  readonly clock: { readonly aheadMs: number };
  readonly users: readonly { readonly user: string; readonly profile: 'named' | 'anonymous' }[];
  readonly faults: readonly { readonly endpoint: string; readonly errcode?: number; readonly cut?: true }[];
  readonly calls: { readonly last: readonly WeChatCall[] };
}

/** A request of the server to WeChat; the newest comes first. */
export interface WeChatCall {
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

export interface StoredSession {
  readonly id: string;
  readonly device: string;
  readonly place: string;
  readonly createdAt: string;
  readonly expiresAt: string;
}

/**
 * Asks the server, in JSON.
 * @throws {Error} with what it says for people
 */
export async function ask<T>(method: string, path: string, body?: object): Promise<T> {
  const response = await fetch(`/sandbox${path}`, {
    method,
    ...(body && { body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } }),
  });
  const answer = await response.json();
  if (!response.ok) throw new Error((answer as { messages?: string }).messages ?? `HTTP ${response.status}`);
  return answer as T;
}

export const userPath = (user: string) => `/demo/users/${encodeURIComponent(user)}`;
