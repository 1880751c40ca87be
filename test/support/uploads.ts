import { readdirSync } from 'node:fs';
import type { Answer, TestApp } from './app.ts';

interface How {
  readonly field?: string;
  readonly name?: string;
  readonly type?: string;
  readonly language?: string;
}

/** Sends a picture as wx.uploadFile does: one file, and whatever fields the page adds. */
export async function upload(app: TestApp, token: string, file: Uint8Array, how: How = {}): Promise<Answer> {
  const { field = 'file', name = 'tmp_0a1b2c.jpg', type = 'image/jpeg' } = how;
  const form = new FormData();
  form.append('nickName', 'ignored');
  form.append(field, new Blob([new Uint8Array(file)], { type }), name);
  return send(app, token, form, how.language);
}

/** Sends any body to the same route. */
export async function send(
  app: TestApp,
  token: string,
  body: FormData | Blob | ReadableStream | string,
  language = 'en',
): Promise<Answer> {
  const headers: Record<string, string> = { Authorization: token, 'Accept-Language': language };
  const init = { method: 'POST', headers, body, duplex: 'half' } as const;
  const response = await fetch(`${app.url}/api/wxuser/me/avatar`, init);
  return { status: response.status, headers: response.headers, body: await response.json() };
}

/** One multipart body, written by hand. */
export function multipart(parts: readonly (readonly [disposition: string, content: Uint8Array])[]): Blob {
  const boundary = 'boundary0'; // in small letters, as a Blob's type is
  const pieces = parts.flatMap(([disposition, content]) => [
    `--${boundary}\r\nContent-Disposition: form-data; ${disposition}\r\n\r\n`,
    new Uint8Array(content),
    '\r\n',
  ]);
  return new Blob([...pieces, `--${boundary}--\r\n`], { type: `multipart/form-data; boundary=${boundary}` });
}

/** Every file in a folder of pictures, what is unfinished included. */
export function filesIn(folder: string): string[] {
  try {
    return readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => entry.name)
      .toSorted();
  } catch {
    return []; // it is made when the first picture comes
  }
}
