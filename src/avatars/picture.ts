import { AppError } from '../errors.ts';
import type { Text } from '../language.ts';
import type { Decoder } from './decoder.ts';
import { countScans } from './jpeg-scans.ts';

/** What a picture is served and stored with, wherever: its name changes with its content, so it is good for ever. */
export const PICTURE_HEADERS = {
  'Content-Type': 'image/jpeg',
  'Cache-Control': 'public, max-age=31536000, immutable',
} as const;

/** Makes an avatar of what somebody sent. @throws {AppError} `invalid_request`, saying what to send instead */
export type MakePicture = (sent: Buffer) => Promise<Buffer>;

/** An encoder makes about ten. */
const MAX_SCANS = 100;

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

const TOO_EXPENSIVE: Text = {
  zh: '解码耗时过长，请另存为普通 JPEG（wx.canvasToTempFilePath）后再上传',
  en: 'takes too long to decode: save it as a plain JPEG (wx.canvasToTempFilePath) and send that',
};

/** One maker for the whole server. What is known to be no picture, or an abusive one, is not decoded at all. */
export function createPictureMaker(decoder: Decoder): MakePicture {
  return async (sent) => {
    const start = sent.toString('hex', 0, 16);
    if (!READABLE.test(start)) throw refusal(HEIC.test(start) ? IS_HEIC : NOT_A_PICTURE);
    const scans = countScans(sent);
    if (scans > MAX_SCANS) throw refusal(TOO_EXPENSIVE, `${scans} scans`);
    const decoded = await decoder.decode(sent);
    if ('picture' in decoded) return Buffer.from(decoded.picture);
    if ('tooExpensive' in decoded) throw refusal(TOO_EXPENSIVE, decoded.tooExpensive);
    const { failure } = decoded;
    throw refusal(/pixel limit/.test(failure) ? TOO_MANY_PIXELS : DAMAGED, failure);
  };
}

function refusal(message: Text, reason?: string): AppError {
  return new AppError('invalid_request', {
    issues: [{ path: 'file', message }],
    ...(reason !== undefined && { reason }),
  });
}
