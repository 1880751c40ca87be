import { connect, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

/** A client that sends what it likes, at its own pace, and looks at what comes back. */
export interface Sender {
  readonly socket: Socket;
  /** How many bytes it has handed to the system. */
  readonly sent: number;
  /** What came back so far. */
  answer(): string;
  write(text: string | Buffer): void;
  /** Sends the same piece for as long as it may. */
  writeForever(piece: string | Buffer): void;
  /** Sends a piece each so many milliseconds. */
  trickle(piece: string, everyMs: number): void;
  /** Waits until so many answers have begun. */
  answers(count?: number): Promise<string>;
  /** Resolves when the connection is over, with what came back. */
  readonly ended: Promise<string>;
}

export function openSender(url: string): Sender {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  let text = '';
  let over = false;
  socket.setEncoding('utf8').on('data', (part: string) => (text += part));
  socket.on('error', () => undefined); // a reset, once the other side has closed
  const ended = new Promise<string>((resolve) => {
    const end = () => {
      over = true;
      resolve(text);
    };
    socket.on('close', end);
  });
  onTestFinished(() => void socket.destroy());
  return {
    socket,
    ended,
    get sent() {
      return socket.bytesWritten - socket.writableLength;
    },
    answer: () => text,
    write: (piece) => void socket.write(piece),
    writeForever(piece) {
      const more = (error?: Error | null) => {
        if (!error && !over) socket.write(piece, more);
      };
      more();
    },
    trickle(piece, everyMs) {
      const timer = setInterval(() => socket.write(piece), everyMs);
      socket.on('close', () => clearInterval(timer));
    },
    async answers(count = 1) {
      while (text.split('HTTP/1.1 ').length <= count) {
        if (over) throw new Error(`the connection ended after: ${text}`);
        await new Promise((resolve) => socket.once('data', resolve).once('close', resolve));
      }
      return text;
    },
  };
}

/** The head of a request whose body follows. */
export function head(method: string, path: string, headers: Record<string, string> = {}): string {
  const lines = Object.entries({ Host: '127.0.0.1', 'Accept-Language': 'en', ...headers });
  return `${method} ${path} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`;
}

/** A piece of a chunked body. */
export const chunk = (text: string): string => `${text.length.toString(16)}\r\n${text}\r\n`;

export const CHUNKED = { 'Transfer-Encoding': 'chunked' };
