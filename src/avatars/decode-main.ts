/**
 * The program that decodes pictures, one at a time, for decoder.ts: a process of its own can be killed, a thread of sharp
 * cannot. It knows no setting and no secret, and ends with its parent.
 */
import sharp from 'sharp';
import type { Answer } from './decoder.ts';

const SIDE = 512;

/** A photograph of 12 million pixels fits; a progressive or interlaced picture takes up to 8 bytes for each. */
const MAX_PIXELS = 4096 * 4096;

/** Of processor time, so that the same picture passes on a busy machine too. The heaviest honest one takes 0.5 s. */
const MAX_CPU_MS = 2000;
const LOOK_EVERY_MS = 50;

sharp.cache(false);
sharp.concurrency(1);
// Whoever stops the server asks its process group, or all of its unit: what is under way is finished first.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => undefined);
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL')); // exit() would wait for the thread that decodes
process.on(
  'message',
  (sent: Uint8Array) => void decode(Buffer.from(sent.buffer, sent.byteOffset, sent.length)),
);
tell({ ready: true });

async function decode(sent: Buffer): Promise<void> {
  const start = process.cpuUsage();
  const watch = setInterval(() => {
    const { user, system } = process.cpuUsage(start);
    if (user + system > MAX_CPU_MS * 1000)
      tell({ tooExpensive: `more than ${MAX_CPU_MS} ms of processor time` });
  }, LOOK_EVERY_MS);
  try {
    tell({ picture: await reencode(sent) });
  } catch (error) {
    tell({ failure: (error as Error).message.slice(0, 200) });
  } finally {
    clearInterval(watch);
  }
}

/** A square of 512 pixels, or of the shorter side where that is less, as a JPEG that holds nothing but pixels. */
async function reencode(sent: Buffer): Promise<Buffer> {
  const picture = sharp(sent, { failOn: 'error', limitInputPixels: MAX_PIXELS });
  const { width, height } = await picture.metadata();
  const side = Math.min(SIDE, width, height);
  return picture
    .autoOrient()
    .resize(side, side, { fit: 'cover' })
    .flatten({ background: 'white' })
    .jpeg({ quality: 85 })
    .toBuffer();
}

function tell(answer: Answer): void {
  process.send?.(answer);
}
