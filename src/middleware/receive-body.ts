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
const FIRST_BYTES = 16_384;

/**
 * Receives a body as a whole. After a failure not a byte more is read: body-parser and multer read what they refuse to its
 * end, for as long as its sender likes.
 * @throws {AppError} `payload_too_large`, `request_too_slow`, or `invalid_request` when it was cut short
 */
export function receiveBody(req: IncomingMessage, limits: BodyLimits): Promise<Buffer> {
  const { maxBytes, deadlineMs, minBytesPerSecond = 0, signal, onGrowth } = limits;
  // Not what Content-Length says, which costs its sender nothing, and no list of pieces, which may be of one byte each.
  let body = Buffer.alloc(0);
  let size = 0;
  let sizeBefore = 0;

  return new Promise((resolve, reject) => {
    if (Number(req.headers['content-length']) > maxBytes) return reject(new AppError('payload_too_large'));
    if (req.destroyed) return reject(cutShort()); // whoever left before announces it no more
    if (signal?.aborted) return reject(signal.reason);

    const deadline = setTimeout(() => fail(tooSlow(`not whole after ${deadlineMs} ms`)), deadlineMs);
    const speed = setInterval(checkSpeed, WINDOW_MS);
    const giveUp = () => fail(signal?.reason);
    signal?.addEventListener('abort', giveUp);
    req.on('data', take).on('end', finish).on('error', cut).on('close', cut);

    function take(piece: Buffer): void {
      const needed = size + piece.length;
      if (needed > maxBytes) fail(new AppError('payload_too_large'));
      else {
        if (needed > body.length) grow(needed);
        size += piece.copy(body, size);
      }
    }

    function grow(needed: number): void {
      const before = body;
      body = Buffer.allocUnsafe(Math.min(maxBytes, Math.max(needed, 2 * before.length, FIRST_BYTES)));
      before.copy(body, 0, 0, size);
      onGrowth?.(body.length - before.length);
    }

    function checkSpeed(): void {
      const came = size - sizeBefore;
      sizeBefore = size;
      const least = (minBytesPerSecond * WINDOW_MS) / 1000;
      if (came < least) fail(tooSlow(`${came} bytes in ${WINDOW_MS} ms, at least ${least} must come`));
    }

    function finish(): void {
      stop();
      resolve(body.subarray(0, size));
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
