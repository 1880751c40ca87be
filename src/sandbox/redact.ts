/** Our choice: secrets are not shown where requests are looked at, so that nobody gets used to it. */
const SECRETS = /^(?:secret|session_key|access_token)$/;

/** What WeChat is sent is far smaller. */
const MAX_VALUES = 100;
const MAX_DEPTH = 8;
const MAX_TEXT = 500;

/**
 * A value as it is shown: without secrets, and not larger than a person looks at. What is recorded is sent to every page that
 * is open, again and again: fifty bodies of 64 KB would hold everybody each time.
 */
export function redact(value: unknown): unknown {
  let left = MAX_VALUES;
  return visit(value, 0);

  function visit(value: unknown, depth: number): unknown {
    left -= 1;
    if (typeof value === 'string') return value.length > MAX_TEXT ? `${value.slice(0, MAX_TEXT)}…` : value;
    if (typeof value !== 'object' || value === null || value instanceof Date) return value;
    if (depth >= MAX_DEPTH) return '…';
    if (Array.isArray(value))
      return value.slice(0, Math.max(0, left)).map((inner) => visit(inner, depth + 1));
    const fields = value as Readonly<Record<string, unknown>>;
    const names = Object.keys(fields).slice(0, Math.max(0, left));
    return Object.fromEntries(
      names.map((name) => [name, SECRETS.test(name) ? '…' : visit(fields[name], depth + 1)]),
    );
  }
}
