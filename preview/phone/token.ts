import { storage } from './storage.ts';

/** Tokens that others have taken the place of. */
const replaced = new Map<string, string>();

interface Stored {
  readonly token?: string;
}

function kept(): { key: string; stored: Stored & { token: string } } | undefined {
  for (const key of storage.keys()) {
    const { token, ...rest } = Object(storage.get(key)) as Stored;
    if (token) return { key, stored: { ...rest, token } };
  }
  return undefined;
}

/** The token that the mini program has stored, under whatever key, in an object with a `token`. */
export function storedToken(): string | undefined {
  return kept()?.stored.token;
}

/** What the running mini program remembers is replaced as it is sent: see currentToken. */
export function replaceToken(token: string): void {
  const found = kept();
  if (!found) return;
  replaced.set(found.stored.token, token);
  storage.set(found.key, { ...found.stored, token });
}

/** The token that a request bears, after what has been replaced was. */
export function currentToken(headers: Headers): string | undefined {
  const token = headers.get('authorization') ?? undefined;
  const other = token && replaced.get(token);
  if (other) headers.set('authorization', other);
  return other ?? token;
}
