import { createCipheriv, createHash, randomBytes } from 'node:crypto';
import { SANDBOX_APPID } from '../../src/config.ts';
import type { Answer, TestApp } from './app.ts';
import { keepSecret } from './no-secrets.ts';

/** What the console and the server have agreed on, in the tests. */
export const CALLBACK_TOKEN = 'S3sbN6k1NHhwX6ZDc2nMBGRc';
export const AES_KEY = 'X9yi7v3FYwuwxXXk5s14N5Nr3ELg3oiRDfJuqkT6Tan';
export const PLAIN = { WX_CALLBACK_TOKEN: CALLBACK_TOKEN };
export const SAFE = { ...PLAIN, WX_CALLBACK_AES_KEY: AES_KEY };

/** How a message is sent; the console offers plain, compatible and safe, each in JSON or XML. */
export interface Sending {
  readonly mode?: 'plain' | 'compatible' | 'safe';
  readonly format?: 'JSON' | 'XML';
  readonly token?: string;
  readonly aesKey?: string;
  /** Of the envelope. */
  readonly appid?: string;
  /** Seconds. */
  readonly timestamp?: number;
  readonly nonce?: string;
}

export interface Pushed {
  readonly query: Record<string, string>;
  readonly body: string;
}

type Fields = Readonly<Record<string, unknown>>;

export const newNonce = (): string => String(randomBytes(4).readUInt32BE());
export const nowInSeconds = (): number => Math.floor(Date.now() / 1000);

export function sha1(...parts: string[]): string {
  return createHash('sha1').update(parts.toSorted().join('')).digest('hex');
}

/** WeChat's side of the encryption, written from its description and not from our code. */
export function encrypt(text: string, aesKey = AES_KEY, appid = SANDBOX_APPID, pad = pkcs7): string {
  const key = Buffer.from(aesKey, 'base64');
  const length = Buffer.alloc(4);
  length.writeUInt32BE(Buffer.byteLength(text));
  return encryptRaw(
    Buffer.concat([randomBytes(16), length, Buffer.from(text), Buffer.from(appid)]),
    key,
    pad,
  );
}

export function encryptRaw(full: Buffer, key = Buffer.from(AES_KEY, 'base64'), pad = pkcs7): string {
  const cipher = createCipheriv('aes-256-cbc', key, key.subarray(0, 16)).setAutoPadding(false);
  return Buffer.concat([cipher.update(Buffer.concat([full, pad(full.length)])), cipher.final()]).toString(
    'base64',
  );
}

function pkcs7(length: number): Buffer {
  const count = 32 - (length % 32);
  return Buffer.alloc(count, count);
}

/** As WeChat writes it: a number bare, a text in CDATA. */
function toXml(fields: Fields, name = 'xml'): string {
  const inner = Object.entries(fields).map(([key, value]) => {
    if (typeof value === 'object' && value !== null) return toXml(value as Fields, key);
    return `<${key}>${typeof value === 'number' ? value : `<![CDATA[${value}]]>`}</${key}>`;
  });
  return `<${name}>\n${inner.join('\n')}\n</${name}>`;
}

/** A message as it goes over the wire. */
export function pack(message: Fields | string, sending: Sending = {}): Pushed {
  const { mode = 'plain', format = 'JSON', token = CALLBACK_TOKEN, aesKey, appid } = sending;
  const { timestamp = nowInSeconds(), nonce = newNonce() } = sending;
  const write = (fields: Fields) => (format === 'JSON' ? JSON.stringify(fields) : toXml(fields));
  const text = typeof message === 'string' ? message : write(message);
  const query = {
    signature: sha1(token, String(timestamp), nonce),
    timestamp: String(timestamp),
    nonce,
    openid: 'oPushedInTheQuery00000000000',
  };
  if (mode === 'plain') return { query, body: text };
  const encrypted = encrypt(text, aesKey, appid);
  const beside =
    mode === 'compatible' && typeof message === 'object' ? message : { ToUserName: 'gh_97417a04a28d' };
  const msg_signature = sha1(token, String(timestamp), nonce, encrypted);
  return {
    query: { ...query, encrypt_type: 'aes', msg_signature },
    body: write({ ...beside, Encrypt: encrypted }),
  };
}

/** Sends it. */
export function deliver(app: TestApp, { query, body }: Pushed, type?: string): Promise<Answer> {
  const [, openid] = /OpenID\W+([\w-]{20,})/.exec(body) ?? [];
  keepSecret(openid);
  for (const secret of [CALLBACK_TOKEN, AES_KEY, query['openid']]) keepSecret(secret);
  const path = `/api/wechat/callback?${new URLSearchParams(query)}`;
  return app.call('POST', path, body, {
    'Content-Type': type ?? (body.startsWith('<') ? 'text/xml' : 'application/json'),
  });
}

export function push(app: TestApp, message: Fields | string, sending?: Sending): Promise<Answer> {
  return deliver(app, pack(message, sending));
}
