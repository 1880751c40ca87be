/** A secret as it stands, and the texts that it encodes in base64 or hex. */
export function readingsOf(secret: string, depth = 2): string[] {
  if (depth === 0) return [secret];
  const texts = decodings(secret)
    .map(textIn)
    .filter((text) => text !== undefined);
  return [secret, ...texts.flatMap((text) => readingsOf(text, depth - 1))];
}

/**
 * Whether a text, or what it encodes, goes on as it began: `abcabcabc`, `0123456`, `aabbccdd`, `a1b2c3d4`. In each of
 * these the steps from one character to the next repeat.
 */
export function hasPattern(text: string): boolean {
  return [Buffer.from(text), ...decodings(text)].some((bytes) => {
    const steps = bytes.subarray(1).map((byte, i) => byte - (bytes[i] ?? 0));
    const periods = Array.from({ length: Math.floor(bytes.length / 3) }, (_, i) => i + 1);
    return periods.some((period) => repeats(steps, period));
  });
}

/** Three of four steps are those of a period before. Of very few it may be chance. */
function repeats(steps: Uint8Array, period: number): boolean {
  const same = steps.subarray(period).filter((step, i) => step === steps[i]).length;
  return same >= 5 && same >= (steps.length - period) * 0.75;
}

/** What a text holds in hex or base64, also behind a prefix: `base64:…`, `my-key-…`. */
function decodings(text: string): Buffer[] {
  const hex = text.match(/(?:[0-9a-f]{2}){8,}/gi) ?? [];
  // `-` and `/` can be a part of it, or part it from what is before.
  const runs = [
    /^[\w+/-]+={0,2}$/g,
    /[\w+/-]{16,}/g,
    /[\w-]{16,}/g,
    /[A-Za-z0-9+/]{16,}/g,
    /[A-Za-z0-9]{16,}/g,
  ];
  const base64 = new Set(runs.flatMap((run) => text.match(run) ?? []));
  return [
    ...hex.map((run) => Buffer.from(run, 'hex')),
    ...[...base64].map((run) => Buffer.from(run, 'base64')),
  ];
}

/** The text that bytes are. Of 16 random ones, one in many millions is UTF-8 without control characters. */
function textIn(bytes: Buffer): string | undefined {
  if (bytes.length >= 8 && bytes.every(isPrintable)) return bytes.toString('latin1');
  const text = bytes.toString();
  // The last character may be cut off.
  const isText = bytes.length >= 16 && !/[\p{Cc}\p{Cn}\ufffd]/u.test(text.replace(/\ufffd$/, ''));
  return isText ? text : undefined;
}

function isPrintable(byte: number): boolean {
  return byte >= 0x20 && byte < 0x7f;
}
