/** What keeps the server from starting: a sentence with the cause and the next step, for whoever starts it. */
export class StartError extends Error {
  override readonly name = 'StartError';
}

const NEXT_STEPS: Readonly<Record<string, string>> = {
  EACCES: 'the user that runs the server may not use it: chown or chmod it, or its folder',
  EPERM: 'the user that runs the server may not use it: chown or chmod it, or its folder',
  EROFS: 'its file system is read-only: mount it writable, or name another place',
  ENOTDIR: 'a part of the path is a file, not a folder: name another place',
  EEXIST: 'a part of the path is a file, not a folder: name another place',
  EISDIR: 'it is a folder, not a file: name a file',
  ELOOP: 'its symbolic links lead in a circle: name the file itself',
  ENOENT: 'it is not there, or is a symbolic link that leads nowhere',
  ENAMETOOLONG: 'the name is too long',
  ENOSPC: 'the disk is full: make room',
  EDQUOT: 'the disk quota is used up: make room',
  EMFILE: 'too many files are open: raise the limit (ulimit -n)',
  ENFILE: 'too many files are open on this machine',
};

/** The cause and the next step of a system error about a file; nothing of another error. */
export function fileProblem(error: unknown): string | undefined {
  const { code, syscall } = (error ?? {}) as NodeJS.ErrnoException;
  if (!code || !syscall) return undefined;
  return `${code}: ${NEXT_STEPS[code] ?? `${syscall} failed`}`;
}
