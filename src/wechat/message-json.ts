/** A text with the colon behind it, which makes it a key; another text; a number. */
const TOKEN = /"(?:[^"\\]|\\.)*"?(\s*:)?|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

/**
 * Reads the JSON that WeChat pushes: an integer that no number holds, such as a MsgId, is the text of its digits, and the blank that
 * stands in front of some keys is no part of them. Answers `undefined` for what is no JSON.
 */
export function parseJson(source: string): unknown {
  try {
    JSON.parse(source); // so that nothing becomes JSON below
    return JSON.parse(
      source.replace(TOKEN, (token, colon?: string) => (colon ? keyOf(token) : exactly(token))),
    );
  } catch {
    return undefined;
  }
}

function keyOf(token: string): string {
  const end = token.lastIndexOf('"');
  return `"${token.slice(1, end).trim()}"${token.slice(end + 1)}`;
}

function exactly(token: string): string {
  return /^-?\d+$/.test(token) && !Number.isSafeInteger(Number(token)) ? `"${token}"` : token;
}
