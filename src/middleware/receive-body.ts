import type { IncomingMessage } from 'node:http';
import { AppError } from '../errors.ts';

/** What a body may take of us. */
export interface BodyLimits {
  readonly maxBytes: number;
  /** By when it must be here as a whole. */
  readonly deadlineMs: number;
  /** What must come within every window of 5 seconds; nothing where the deadline says enough. */
  readonly minBytesPerSecond?: number;
  /** Gives up at once, with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Told when the body takes so many bytes of memory more. */
  readonly onGrowth?: (bytes: number) => void;
}

const WINDOW_MS = 5000;
const BLOCK = 65_536;
const UNKNOWN_LENGTH = 1024;

/**
 * Receives a body as a whole, in blocks. After a failure not a byte more is read: body-parser and multer read what they refuse to
 * its end, for as long as its sender likes.
 * @throws {AppError} `payload_too_large`, `request_too_slow`, or `invalid_request` when it was cut short
 */
export function receiveBody(req: IncomingMessage, limits: BodyLimits): Promise<Buffer[]> {
  const { maxBytes, deadlineMs, minBytesPerSecond = 0, signal, onGrowth } = limits;
  const declared = Number(req.headers['content-length']);
  // Not as large as Content-Length says, which costs its sender nothing, and not piece by piece, which may be of one byte each.
  const blocks: Buffer[] = [];
  let room = 0;
  let size = 0;
  let sizeBefore = 0;

  return new Promise((resolve, reject) => {
    if (declared > maxBytes) return reject(new AppError('payload_too_large'));
    if (req.destroyed) return reject(cutShort()); // whoever left before announces it no more
    if (signal?.aborted) return reject(signal.reason);

    const deadline = setTimeout(() => fail(tooSlow(`not whole after ${deadlineMs} ms`)), deadlineMs);
    const speed = setInterval(checkSpeed, WINDOW_MS);
    const giveUp = () => fail(signal?.reason);
    signal?.addEventListener('abort', giveUp);
    req.on('data', take).on('end', finish).on('error', cut).on('close', cut);

    function take(piece: Buffer): void {
      size += piece.length;
      if (size > maxBytes) {
        fail(new AppError('payload_too_large'));
        return;
      }
      for (let rest = piece; rest.length > 0; ) {
        const block = room > 0 ? blocks.at(-1) : grow();
        const copied = block ? rest.copy(block, block.length - room) : 0;
        room -= copied;
        rest = rest.subarray(copied);
      }
    }

    function grow(): Buffer {
      const block = Buffer.allocUnsafe(
        blocks.length > 0 ? BLOCK : Math.min(declared || UNKNOWN_LENGTH, BLOCK),
      );
      blocks.push(block);
      room = block.length;
      onGrowth?.(room);
      return block;
    }

    function checkSpeed(): void {
      const came = size - sizeBefore;
      sizeBefore = size;
      const least = (minBytesPerSecond * WINDOW_MS) / 1000;
      if (came < least) fail(tooSlow(`${came} bytes in ${WINDOW_MS} ms, at least ${least} must come`));
    }

    function finish(): void {
      stop();
      const last = blocks.pop();
      resolve(last ? [...blocks, last.subarray(0, last.length - room)] : []);
    }

    function cut(): void {
      fail(cutShort());
    }

    function fail(error: unknown): void {
      stop();
      req.pause();
      reject(error);
    }

    function stop(): void {
      clearTimeout(deadline);
      clearInterval(speed);
      signal?.removeEventListener('abort', giveUp);
      req.off('data', take).off('end', finish).off('error', cut).off('close', cut);
      req.on('error', () => undefined); // what breaks from now on is nobody's business
    }
  });
}

function tooSlow(reason: string): AppError {
  return new AppError('request_too_slow', { reason: `the body came too slowly: ${reason}` });
}

function cutShort(): AppError {
  const message = { zh: '请求不完整', en: 'was cut short' };
  return new AppError('invalid_request', { issues: [{ path: 'body', message }] });
}
