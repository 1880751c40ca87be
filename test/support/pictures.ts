import { crc32, deflateSync } from 'node:zlib';
import sharp from 'sharp';

const GREY = { r: 120, g: 130, b: 140 };
const blank = (width: number, height: number) =>
  sharp({ create: { width, height, channels: 3, background: GREY } });

/** A picture of one colour, as a camera or a painter would save it. */
export function picture(format: 'jpeg' | 'png' | 'webp' | 'gif', width = 900, height = 600): Promise<Buffer> {
  return blank(width, height).toFormat(format).toBuffer();
}

/** Another one with each number. */
export function jpeg(number: number, side = 600): Promise<Buffer> {
  const background = { r: number % 256, g: (number * 7) % 256, b: 90 };
  return sharp({ create: { width: side, height: side, channels: 3, background } })
    .jpeg()
    .toBuffer();
}

/** What a phone held upright saves: lying on its side, its left half red, with where it was taken. */
export async function photograph(): Promise<Buffer> {
  const red = await sharp({ create: { width: 400, height: 600, channels: 3, background: 'red' } })
    .png()
    .toBuffer();
  const exif = { IFD0: { Make: 'Camera' }, IFD3: { GPSLatitudeRef: 'N', GPSLatitude: '39/1 54/1 0/1' } };
  return blank(800, 600)
    .composite([{ input: red, left: 0, top: 0 }])
    .withMetadata({ orientation: 6 })
    .withExifMerge(exif)
    .jpeg()
    .toBuffer();
}

const SIGNATURE = Buffer.from('89504e470d0a1a0a', 'hex');

function chunk(type: string, data: Buffer): Buffer {
  const typed = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  sum.writeUInt32BE(crc32(typed));
  return Buffer.concat([length, typed, sum]);
}

/** A black PNG of one bit for a pixel, interlaced, so that its reader needs all of it at once: small for any size. */
export function blackPng(side: number, more: readonly Buffer[] = []): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(side, 0);
  header.writeUInt32BE(side, 4);
  header[8] = 1; // bit, of grey
  header[12] = 1; // interlaced
  const pixels = deflateSync(Buffer.alloc(side * (Math.ceil(side / 8) + 20)));
  const chunks = [chunk('IHDR', header), ...more, chunk('IDAT', pixels), chunk('IEND', Buffer.alloc(0))];
  return Buffer.concat([SIGNATURE, ...chunks]);
}

/** A colour profile, or a comment, of 200 MB of zeros. */
export function pngWithBomb(type: 'iCCP' | 'zTXt'): Buffer {
  return blackPng(100, [chunk(type, Buffer.concat([Buffer.from('a\0\0'), deflateSync(Buffer.alloc(2e8))]))]);
}

/** EXIF whose directory is followed by itself, for ever. */
export async function jpegWithEndlessExif(): Promise<Buffer> {
  const tiff = Buffer.from(
    '49492a000800000001000f01020004000000410000000800 0000'.replaceAll(' ', ''),
    'hex',
  );
  const exif = Buffer.concat([Buffer.from('Exif\0\0'), tiff]);
  const head = Buffer.from([0xff, 0xe1, 0, exif.length + 2]);
  const plain = await picture('jpeg');
  return Buffer.concat([plain.subarray(0, 2), head, exif, plain.subarray(2)]);
}

/** A GIF that moves for so many frames of one pixel. */
export function movingGif(frames: number): Buffer {
  const one = Buffer.from('R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7', 'base64');
  const [head, frame, end] = [one.subarray(0, 19), one.subarray(19, -1), one.subarray(-1)];
  return Buffer.concat([head, ...Array<Buffer>(frames).fill(frame), end]);
}

/** The start of what an iPhone's camera saves. */
export const HEIC = Buffer.from(
  `00000018${Buffer.from('ftypheic').toString('hex')}${'00'.repeat(500)}`,
  'hex',
);

const TABLE = Buffer.from('ffc4', 'hex');
const SCAN = Buffer.from('ffda', 'hex');

/** A progressive JPEG of so many scans: each takes a few bytes, and passes over all of its pixels. */
export async function jpegOfScans(scans: number, side = 4096): Promise<Buffer> {
  const file = await blank(side, side).jpeg({ progressive: true }).toBuffer();
  // The second scan, with the table that it needs before it.
  const start = file.indexOf(TABLE, file.indexOf(SCAN));
  const scan = Buffer.from(file.subarray(start, file.indexOf(TABLE, start + 2)));
  // The end of its header says how exact its coefficients are: those that are exact may be repeated.
  const header = scan.indexOf(SCAN);
  scan[header + 1 + scan.readUInt16BE(header + 2)] = 0;
  return Buffer.concat([file.subarray(0, start), ...Array<Buffer>(scans - 1).fill(scan), file.subarray(-2)]);
}
