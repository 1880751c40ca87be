import { createCipheriv } from 'node:crypto';

/** encryptedData in blocks, with what its owner knows of it: the plaintext, and so what each block decrypts to. */
export interface Known {
  readonly text: string;
  readonly iv: Buffer;
  readonly blocks: readonly Buffer[];
  /** The block cipher's output by block: the plaintext before it is combined with the block in front. */
  readonly inner: readonly Buffer[];
}

export interface Forged {
  readonly iv: Buffer;
  readonly blocks: readonly Buffer[];
}

export type Random = (below: number) => number;

/** The same numbers in every run (mulberry32). */
export function seeded(seed: number): Random {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

/** What WeChat does: AES-128-CBC, PKCS#7. */
export function seal(text: string, key: Buffer, iv: Buffer): Known {
  const cipher = createCipheriv('aes-128-cbc', key, iv);
  const data = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
  return known(text, iv, data);
}

/** What the owner of a phone has: his data, and its plaintext, which wx tells or he knows. */
export function known(text: string, iv: Buffer, data: Buffer): Known {
  const plain = Buffer.from(text);
  const padding = 16 - (plain.length % 16);
  const padded = inBlocks(Buffer.concat([plain, Buffer.alloc(padding, padding)]));
  const blocks = inBlocks(data);
  const inner = padded.map((block, i) => xor(block, blocks[i - 1] ?? iv));
  return { text, iv, blocks, inner };
}

export const unseal = ({ iv, blocks }: Forged) => ({
  encryptedData: Buffer.concat(blocks).toString('base64'),
  iv: iv.toString('base64'),
});

/** Leaves out the first blocks, and has the next one decrypt to 16 chosen bytes: the iv is the attacker's. */
export function startWith(chosen: string, of: Known, from: number): Forged {
  return { iv: xor(of.inner[from] ?? of.iv, Buffer.from(chosen)), blocks: of.blocks.slice(from) };
}

/** Two blocks of which the second decrypts to 16 chosen bytes, and the first to garbage. */
export function chosenAfterGarbage(chosen: string, pool: readonly Known[], random: Random): Buffer[] {
  const of = pick(pool, random);
  const at = random(of.blocks.length);
  return [xor(of.inner[at] ?? of.iv, Buffer.from(chosen)), of.blocks[at] ?? of.iv];
}

/** Does one to four things to somebody's own data: cut, insert, swap, flip, drop, choose. */
export function splice(
  base: Known,
  pool: readonly Known[],
  chosen: readonly string[],
  random: Random,
): Forged {
  const first = random(3) === 0 ? startWith(pick(chosen, random), base, random(base.blocks.length)) : base;
  const blocks = [...first.blocks];
  let { iv } = first;
  const at = () => random(blocks.length + 1);
  /** A block of one's own text with other digits in it, behind garbage, in the place of the block that it is made of. */
  const otherDigits = () => {
    const i = random(base.blocks.length);
    const own = Buffer.from(base.text).subarray(16 * i, 16 * i + 16);
    const text = own.toString().replace(/\d/g, () => String(random(10)));
    if (own.length === 16) blocks.splice(i, 1, ...chosenAfterGarbage(text, pool, random));
  };
  const steps = [
    () => void blocks.splice(at(), 1 + random(3)),
    () => void blocks.splice(at(), random(2), pick(pick(pool, random).blocks, random)),
    () => void blocks.splice(at(), random(3), ...chosenAfterGarbage(pick(chosen, random), pool, random)),
    () => void blocks.splice(at(), 0, ...blocks.slice(at(), at())),
    () => void blocks.splice(0, blocks.length, ...blocks.map((_, i, all) => all[(i + 1) % all.length] ?? iv)),
    () => void blocks.splice(at(), 1, Buffer.from(Array.from({ length: 16 }, () => random(256)))),
    () => {
      const i = random(blocks.length);
      const block = blocks[i];
      if (block) blocks[i] = flipped(block, random(128));
    },
    () => {
      iv = flipped(iv, random(128));
    },
    () => {
      iv = pick(pick(pool, random).blocks, random);
    },
  ];
  if (random(2) === 0) otherDigits();
  else for (let times = 1 + random(4); times > 0; times--) pick(steps, random)();
  return { iv, blocks };
}

export function flipped(block: Buffer, bit: number): Buffer {
  const copy = Buffer.from(block);
  copy[bit >> 3] = (copy[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  return copy;
}

function xor(one: Buffer, other: Buffer): Buffer {
  return Buffer.from(one.map((byte, i) => byte ^ (other[i] ?? 0)));
}

function inBlocks(data: Buffer): Buffer[] {
  return Array.from({ length: data.length / 16 }, (_, i) => data.subarray(16 * i, 16 * i + 16));
}

export function pick<T>(list: readonly T[], random: Random): T {
  const found = list[random(list.length)];
  if (found === undefined) throw new Error('nothing to pick from');
  return found;
}
