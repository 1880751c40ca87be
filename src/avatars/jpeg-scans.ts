const EOI = 0xd9;
const SOS = 0xda;

/**
 * Counts the scans of a JPEG by its markers, without decoding anything; what is no JPEG has none. Each scan of a progressive
 * one passes over all pixels: an encoder makes about ten, an attacker thousands, in a few bytes each.
 */
export function countScans(file: Buffer): number {
  if (file.length < 2 || file.readUInt16BE(0) !== 0xffd8) return 0;
  let scans = 0;
  let at = file.indexOf(0xff, 2);
  while (at >= 0 && at + 3 < file.length) {
    const marker = file[at + 1] ?? 0;
    if (marker === EOI) break; // behind it phones put a film, or another picture
    if (marker === SOS) scans += 1;
    at = file.indexOf(0xff, at + lengthOf(marker, file.readUInt16BE(at + 2)));
  }
  return scans;
}

/** 0xff00 is a byte of the picture, 0xffff filling; TEM, the restarts and SOI stand alone. */
function lengthOf(marker: number, said: number): number {
  if (marker === 0xff) return 1;
  const standsAlone = marker <= 0x01 || (marker >= 0xd0 && marker <= 0xd8);
  return standsAlone ? 2 : 2 + said;
}
