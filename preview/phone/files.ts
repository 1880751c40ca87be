import { SANDBOX } from './sandbox.ts';

/** The phone's temporary files: paths that mean nothing to anybody else. */
const files = new Map<string, { readonly blob: Blob; readonly url: string }>();

/** Keeps a file; gives its path, such as `wxfile://tmp_0f3a….png`. */
export function keepFile(blob: Blob): string {
  const kind = blob.type.replace(/^image\//, '').replace('jpeg', 'jpg');
  const path = `wxfile://tmp_${crypto.randomUUID().replaceAll('-', '')}.${kind || 'bin'}`;
  files.set(path, { blob, url: URL.createObjectURL(blob) });
  return path;
}

/** The file of a path, while this page of the browser lives. */
export function readFile(path: string): Blob | undefined {
  return files.get(path)?.blob;
}

/** Where the browser finds the picture that `<image src>` names; empty for a file that is not there. */
export function urlOf(src: string): string {
  if (src.startsWith('wxfile://')) return files.get(src)?.url ?? '';
  // What is in the mini program's own folder.
  if (src.startsWith('/')) return src.slice(1);
  if (src && !URL.canParse(src))
    throw new Error(`the preview wants <image src> from the root: /…, not ${src}`);
  // WeChat's pictures are drawn by the local WeChat: nothing here is asked of another machine.
  const { host, pathname } = new URL(src || 'about:blank');
  if (/^(?:(?:thirdwx|wx)\.qlogo\.cn|mmbiz\.qpic\.cn)$/.test(host))
    return `${SANDBOX}/cdn/${host}${pathname}`;
  // The server's own, by whatever name of this machine it was opened.
  const [, uploaded] =
    /^http:\/\/(?:localhost|127\.0\.0\.1|\[::1\])(?::\d+)?(\/avatars\/.+)$/.exec(src) ?? [];
  return uploaded ?? src;
}
