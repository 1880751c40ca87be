const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const IAT = /"iat":(\d{1,12})\b/;
const EXP = /"exp":(\d{1,12})\b/;
const FOR_EVER = Number.MAX_SAFE_INTEGER;

/**
 * Until when a token is sent, by the phone's clock. That may be wrong by days, and the header `Date` may be wrong or
 * missing, so the token's own times say how long it is good. In doubt it is sent: the server refuses one that has
 * expired, and a new login follows.
 */
export function goodUntil(token: string, expiresAt: string, now: number): number {
  const claims = decoded(token.split('.')[1] ?? '');
  const life = timeOf(EXP, claims) - timeOf(IAT, claims);
  if (life > 0) return now + life;
  const end = Date.parse(expiresAt);
  return end > now ? end : FOR_EVER;
}

function timeOf(claim: RegExp, claims: string): number {
  return Number(claim.exec(claims)?.[1]) * 1000;
}

/** The bytes of a base64url text; a mini program has no atob. */
function decoded(text: string): string {
  let [bytes, held, bits] = ['', 0, 0];
  for (const digit of text) {
    held = (held << 6) | DIGITS.indexOf(digit);
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    bytes += String.fromCharCode((held >> bits) & 255);
  }
  return bytes;
}
