import { dirname } from 'node:path';
import type { HttpProxy } from './outbound/proxy.ts';
import { readOptions, wholeNumber } from './url-parts.ts';

/** A folder on disk, whose pictures the server itself serves. */
export interface FolderAddress {
  readonly kind: 'folder';
  readonly folder: string;
}

/** A bucket of an S3-compatible store, whose pictures the store or a CDN serves. */
export interface S3Address {
  readonly kind: 's3';
  readonly keyId: string;
  readonly secret: string;
  readonly region: string;
  /** Where the API finds the pictures: a URL that a `/` and a name are appended to. */
  readonly objects: string;
  /** Where everybody finds them, likewise. */
  readonly publicUrl: string;
  /** The longest that an answer may take, in milliseconds. */
  readonly timeoutMs: number;
  /** What the way to the API leads through, if anything. */
  readonly proxy?: HttpProxy | undefined;
}

export type AvatarStoreAddress = FolderAddress | S3Address;

const S3 =
  /^s3(?<plain>\+http)?:\/\/(?<key>[^:@/]+):(?<secret>[^@/]+)@(?<host>[\w.-]+(?::\d{1,5})?)\/(?<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/(?<prefix>[\w./-]*))?(?:\?(?<options>.*))?$/;

const DEFAULTS = { region: 'us-east-1', style: 'virtual', 'public-url': '', timeout: '5000' };

/**
 * Reads `file:<folder>` or `s3://key:secret@host/bucket/prefix?region=…&style=virtual|path&public-url=…&timeout=5000`;
 * `s3+http://` is without TLS.
 * @throws {Error} saying what is wrong, without the URL itself: it holds a secret
 */
export function parseAvatarStore(url: string): AvatarStoreAddress {
  if (url.startsWith('file:') && url.length > 'file:'.length) {
    return { kind: 'folder', folder: url.slice('file:'.length).replace(/^\/\/(?=\/)/, '') };
  }
  const parts = S3.exec(url)?.groups;
  if (!parts) {
    throw new Error(
      'must be file:<folder> or s3://key:secret@host/bucket?region=… (s3+http:// without TLS; escape @ / : + in a secret as %40 %2F %3A %2B)',
    );
  }
  const { region, style, 'public-url': publicUrl, timeout } = readOptions(parts['options'] ?? '', DEFAULTS);
  const objects = objectsUrl(parts, style);
  return {
    kind: 's3',
    keyId: decodeURIComponent(parts['key'] ?? ''),
    secret: decodeURIComponent(parts['secret'] ?? ''),
    region,
    objects,
    publicUrl: publicUrl ? readPublicUrl(publicUrl) : objects,
    timeoutMs: wholeNumber('timeout', timeout, 100, 60_000),
  };
}

/** Where pictures go when nobody says it: beside the embedded database, or in `./data`. */
export function besideDatabase(databaseUrl: string): FolderAddress {
  const embedded = /^sqlite:(?!:memory:)(?<file>.+)$/.exec(databaseUrl)?.groups?.['file'];
  return { kind: 'folder', folder: `${embedded ? dirname(embedded) : 'data'}/avatars` };
}

function objectsUrl(parts: Record<string, string>, style: string): string {
  const { plain, host, bucket, prefix = '' } = parts;
  const scheme = plain ? 'http' : 'https';
  const places: Readonly<Record<string, string>> = {
    virtual: `${scheme}://${bucket}.${host}`,
    path: `${scheme}://${host}/${bucket}`,
  };
  const place = Object.hasOwn(places, style) ? places[style] : undefined;
  if (!place) throw new Error('has a wrong option: style must be virtual or path');
  return `${place}/${prefix}`.replace(/(?<!\/)\/+$/, '');
}

function readPublicUrl(text: string): string {
  if (/^https?:\/\/[^?#@\s]+$/.test(text) && URL.canParse(text)) return text.replace(/(?<!\/)\/+$/, '');
  throw new Error('has a wrong option: public-url must be an http(s) address and a path');
}
