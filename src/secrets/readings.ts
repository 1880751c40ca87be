/** A secret as it stands, and the texts that it encodes in base64 or hex. */
export function readingsOf(secret: string, depth = 2): string[] {
  if (depth === 0) return [secret];
  const texts = decodings(secret).filter((bytes) => bytes.length >= 8 && bytes.every(isPrintable));
  return [secret, ...texts.flatMap((bytes) => readingsOf(bytes.toString('latin1'), depth - 1))];
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

function decodings(text: string): Buffer[] {
  const hex = /^(?:[0-9a-f]{2})+$/i.test(text) ? [Buffer.from(text, 'hex')] : [];
  return /^[\w+/-]+={0,2}$/.test(text) ? [...hex, Buffer.from(text, 'base64')] : hex;
}

function isPrintable(byte: number): boolean {
  return byte >= 0x20 && byte < 0x7f;
}
