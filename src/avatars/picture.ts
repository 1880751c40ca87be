import type Sharp from 'sharp';
import { AppError } from '../errors.ts';
import type { Text } from '../language.ts';
import { createTurns } from './turns.ts';

/** What a picture is served and stored with, wherever: its name changes with its content, so it is good for ever. */
export const PICTURE_HEADERS = {
  'Content-Type': 'image/jpeg',
  'Cache-Control': 'public, max-age=31536000, immutable',
} as const;

/** Makes an avatar of what somebody sent. @throws {AppError} `invalid_request`, saying what to send instead */
export type MakePicture = (sent: Buffer) => Promise<Buffer>;

const SIDE = 512;

/** A photograph of 12 million pixels fits; a progressive or interlaced picture takes up to 8 bytes for each. */
const MAX_PIXELS = 4096 * 4096;

const LONGEST_SECONDS = 10;

/** How a file begins, in hex. sharp can read more, SVG among it: nothing but these gets near it. */
const READABLE = /^(?:ffd8ff|89504e470d0a1a0a|474946383[79]61|52494646.{8}57454250)/;
/** `ftyp` and a brand of HEIF with HEVC inside: heic, heix, heim, heis, hevc, mif1, msf1. */
const HEIC = /^.{8}66747970(?:6865[67]|6d69663|6d73663)/;

const NOT_A_PICTURE: Text = {
  zh: '必须是 JPEG、PNG、WebP 或 GIF 图片（按内容判断，与文件名无关）',
  en: 'must be a JPEG, PNG, WebP or GIF picture, by its content, whatever its name says',
};
const IS_HEIC: Text = {
  zh: '是 HEIC 图片，服务器无法解码；请先在手机上转为 JPEG（wx.canvasToTempFilePath）',
  en: 'is HEIC, which the server cannot decode: convert it to JPEG on the phone (wx.canvasToTempFilePath)',
};
const DAMAGED: Text = {
  zh: '图片已损坏或不完整，请重新上传',
  en: 'cannot be decoded: it is damaged or cut short',
};
const TOO_MANY_PIXELS: Text = {
  zh: '像素过多，最多 4096 × 4096，请先缩小',
  en: 'has too many pixels: at most 4096 × 4096, so make it smaller first',
};

/**
 * One maker for the whole server. It decodes one picture at a time: the memory that takes is the largest there is, and
 * the threads it takes are those that ask the DNS and read files.
 */
export function createPictureMaker(): MakePicture {
  const inTurn = createTurns({
    atOnce: 1,
    waiting: Number.POSITIVE_INFINITY,
    waitingOfOne: Number.POSITIVE_INFINITY,
  });
  let loading: Promise<typeof Sharp> | undefined;
  return async (sent) => {
    const start = sent.toString('hex', 0, 16);
    if (!READABLE.test(start)) throw refusal(HEIC.test(start) ? IS_HEIC : NOT_A_PICTURE);
    // Only now: it takes 60 ms and 20 MB, and many a server never sees a picture.
    loading ??= load();
    const sharp = await loading;
    return inTurn(undefined, () => reencode(sharp, sent).catch((error) => Promise.reject(reasoned(error))));
  };
}

async function load(): Promise<typeof Sharp> {
  const { default: sharp } = await import('sharp');
  sharp.cache(false);
  sharp.concurrency(1);
  return sharp;
}

/** A square of 512 pixels, or of the shorter side where that is less, as a JPEG that holds nothing but pixels. */
async function reencode(sharp: typeof Sharp, sent: Buffer): Promise<Buffer> {
  const picture = sharp(sent, { failOn: 'error', limitInputPixels: MAX_PIXELS });
  const { width, height } = await picture.metadata();
  const side = Math.min(SIDE, width, height);
  return picture
    .autoOrient()
    .resize(side, side, { fit: 'cover' })
    .flatten({ background: 'white' })
    .jpeg({ quality: 85 })
    .timeout({ seconds: LONGEST_SECONDS })
    .toBuffer();
}

function reasoned(error: unknown): AppError {
  const { message } = error as Error;
  return refusal(/pixel limit/.test(message) ? TOO_MANY_PIXELS : DAMAGED, message.slice(0, 200));
}

function refusal(message: Text, reason?: string): AppError {
  return new AppError('invalid_request', {
    issues: [{ path: 'file', message }],
    ...(reason !== undefined && { reason }),
  });
}
