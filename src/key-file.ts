import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';

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
  const pem = read(file);
  if (!pem.includes('-----BEGIN ')) {
    throw new Error('names a file that is not PEM: one has a line such as -----BEGIN PRIVATE KEY-----');
  }
  if (/BEGIN ENCRYPTED|,ENCRYPTED/.test(pem)) {
    throw new Error('names a key under a passphrase: `openssl pkey -in <file> -out <new file>` takes it off');
  }
  return pem;
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
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
