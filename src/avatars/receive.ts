import type { Request, Response } from 'express';
import multer, { MulterError } from 'multer';
import { AppError, type ErrorCode } from '../errors.ts';
import type { Text } from '../language.ts';
import { receiveBody } from '../middleware/receive-body.ts';
import { wrongType } from '../middleware/unreadable.ts';
import type { Held } from './upload-memory.ts';

/** Takes the one file of a multipart request into memory. @throws {AppError} saying what to send instead */
export type ReceiveFile = (req: Request, res: Response, held: Held) => Promise<Buffer>;

/** What a multipart body has beside its file: the boundaries, and the text fields that nobody reads. */
const BESIDE_FILE = 65_536;

const PACE = { deadlineMs: 30_000, minBytesPerSecond: 8000 };

const MISSING: Text = {
  zh: '缺少文件：请用 wx.uploadFile 上传，filePath 为 chooseAvatar 给出的路径',
  en: 'is missing: send it with wx.uploadFile, its filePath being what chooseAvatar gave',
};
/** A `header` with a Content-Type, given to wx.uploadFile, replaces its own. */
const SEND_FILE: Text = {
  zh: '请用 wx.uploadFile 上传图片，且不要在它的 header 中设置 Content-Type；wx.request 不能上传文件',
  en: 'upload the picture with wx.uploadFile and set no Content-Type in its header; wx.request cannot upload',
};
const AS_TEXT: Text = {
  zh: '不是文件：字段是普通文本（例如临时路径或 base64）。请用 wx.uploadFile 的 filePath 上传文件本身',
  en: 'is no file: the form has text only, such as a temporary path or base64. Send the file itself, as filePath of wx.uploadFile',
};
const EMPTY: Text = { zh: '是空文件', en: 'is empty' };
const ONE_ONLY: Text = { zh: '只能上传一个文件', en: 'must be the only one' };
const UNREADABLE: Text = {
  zh: '无法解析 multipart 请求：内容不完整或 boundary 有误',
  en: 'cannot be parsed as multipart/form-data: it is cut short, or its boundary is another one',
};
const TOO_MUCH: Text = {
  zh: '除文件外的字段过多或过长',
  en: 'has too many or too long fields beside the file',
};

/** @param maxBytes of the file; a body that has more is not read to its end */
export function createReceiver(maxBytes: number): ReceiveFile {
  const limits = { fileSize: maxBytes, files: 1, fields: 20, parts: 21, fieldSize: 2048, headerPairs: 20 };
  const bodies = new WeakMap<object, Buffer[]>();
  const options = {
    storage: multer.memoryStorage(),
    limits,
    streamHandler(req: object, parser: NodeJS.WritableStream) {
      for (const block of bodies.get(req) ?? []) parser.write(block);
      parser.end();
    },
  };
  const parse = multer(options).any();
  const tooLarge = () => refusal('file', tooLargeText(maxBytes), 'payload_too_large');

  return async (req, res, { signal, take, complete }) => {
    if (!req.is('multipart/form-data')) throw wrongType(req, SEND_FILE);
    const body = receiveBody(req, { ...PACE, maxBytes: maxBytes + BESIDE_FILE, signal, onGrowth: take });
    bodies.set(req, await body.catch((error) => Promise.reject(reasoned(error))));
    complete();
    await new Promise<void>((resolve, reject) => {
      parse(req, res, (error?: unknown) => (error ? reject(reasoned(error)) : resolve()));
    });
    bodies.delete(req);
    const [file] = (req.files ?? []) as Express.Multer.File[];
    if (!file) throw refusal('file', Object.keys(req.body ?? {}).length > 0 ? AS_TEXT : MISSING);
    if (file.size === 0) throw refusal('file', EMPTY);
    return file.buffer;
  };

  function reasoned(error: unknown): unknown {
    if (error instanceof TypeError) return error; // a mistake of ours
    if (error instanceof AppError) return error.code === 'payload_too_large' ? tooLarge() : error;
    if (!(error instanceof MulterError)) return refusal('body', UNREADABLE);
    if (error.code === 'LIMIT_FILE_SIZE') return tooLarge();
    if (error.code === 'LIMIT_FIELD_VALUE') return refusal('file', AS_TEXT);
    return error.code === 'LIMIT_FILE_COUNT' ? refusal('file', ONE_ONLY) : refusal('body', TOO_MUCH);
  }
}

function tooLargeText(maxBytes: number): Text {
  return {
    zh: `最大 ${maxBytes} 字节，请先压缩（wx.compressImage）`,
    en: `must have at most ${maxBytes} bytes: make it smaller first (wx.compressImage)`,
  };
}

function refusal(path: string, message: Text, code: ErrorCode = 'invalid_request'): AppError {
  return new AppError(code, { issues: [{ path, message }] });
}
