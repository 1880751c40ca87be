import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { closeSync, constants, fstatSync, openSync, readFileSync, type Stats } from 'node:fs';

const MIN_RSA_BITS = 2048;

const UNREADABLE: Readonly<Record<string, string>> = {
  ENOENT: 'names a file that does not exist; a relative path starts where the server is started',
  EACCES: 'names a file that the server’s user may not read',
};

/**
 * Reads the private key of a PEM file: EC P-256, or RSA of at least 2048 bits.
 * @throws {Error} saying what is wrong, without the path or what the file holds
 */
export function readPrivateKey(file: string): KeyObject {
  const pem = readPem(file);
  if (!pem.includes('PRIVATE KEY-----')) {
    throw new Error('names a file with a public key only: signing needs the private one');
  }
  return suitable(parse(createPrivateKey, pem));
}

/**
 * Reads the public key of such a file, which may hold the private one.
 * @throws {Error} likewise
 */
export function readPublicKey(file: string): KeyObject {
  return suitable(parse(createPublicKey, readPem(file)));
}

function readPem(file: string): string {
  const { pem, stats } = read(file);
  if (!pem.includes('-----BEGIN ')) {
    throw new Error('names a file that is not PEM: one has a line such as -----BEGIN PRIVATE KEY-----');
  }
  if (/BEGIN ENCRYPTED|,ENCRYPTED/.test(pem)) {
    throw new Error('names a key under a passphrase: `openssl pkey -in <file> -out <new file>` takes it off');
  }
  if (pem.includes('PRIVATE KEY-----')) refuseShared(stats);
  return pem;
}

/** As PostgreSQL has it: a file of root's may be readable by a group, as a Kubernetes secret with an fsGroup is. */
function refuseShared({ mode, uid }: Stats): void {
  if (process.platform === 'win32' || (mode & (uid === 0 ? 0o037 : 0o077)) === 0) return;
  const rights = (mode & 0o777).toString(8);
  throw new Error(
    `names a private key that other users of this machine can use (mode ${rights}): chmod 600 it; give a Kubernetes or Docker secret the mode 0400, or 0440 with a group`,
  );
}

/** The rights are those of the very file that is read. */
function read(file: string): { pem: string; stats: Stats } {
  try {
    // A pipe would be waited for.
    const descriptor = openSync(file, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    try {
      const stats = fstatSync(descriptor);
      if (!stats.isFile()) throw Object.assign(new Error(), { code: 'EISDIR' });
      return { stats, pem: readFileSync(descriptor, 'utf8') };
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown';
    throw new Error(UNREADABLE[code] ?? `names a file that cannot be read (${code})`);
  }
}

function parse(create: (pem: string) => KeyObject, pem: string): KeyObject {
  try {
    return create(pem);
  } catch {
    throw new Error('names a PEM file without a key that can be read: is it cut short, or another format?');
  }
}

function suitable(key: KeyObject): KeyObject {
  const { asymmetricKeyType: type, asymmetricKeyDetails: { namedCurve, modulusLength = 0 } = {} } = key;
  if (type === 'ec' && namedCurve === 'prime256v1') return key;
  if (type === 'rsa' && modulusLength >= MIN_RSA_BITS) return key;
  const what = [type, namedCurve, modulusLength].filter(Boolean).join(' ');
  throw new Error(
    `names an unsuitable key (${what}): it must be EC P-256 or RSA of at least ${MIN_RSA_BITS} bits`,
  );
}
