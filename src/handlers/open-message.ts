import { z } from 'zod';
import { AppError } from '../errors.ts';
import { decodeUtf8 } from '../middleware/read-body.ts';
import { MAX_AGE_MS } from '../wechat/deliveries.ts';
import { decryptMessage, isSigned } from '../wechat/message-crypto.ts';
import { isPathCheck, type Message, readMessage } from '../wechat/messages.ts';

/** What the WeChat console and we have agreed on. */
export interface CallbackSettings {
  readonly token: string;
  /** With it, only what is encrypted counts. */
  readonly aesKey: string | undefined;
}

export interface OpenNeeds {
  /** Of our apps; the first is meant where a message names none. */
  readonly appids: readonly [string, ...string[]];
  readonly callback: CallbackSettings;
  readonly now: () => Date;
}

/** A message that is WeChat's, for an app of ours, and of now. */
export interface OpenedMessage {
  readonly message: Message;
  readonly appid: string;
  /** What it is known by: as it was sent, or as it was decrypted. */
  readonly text: string;
  /** Timestamp and nonce: WeChat signs one message with them. */
  readonly signature: string;
  /** When WeChat signed it, in seconds. */
  readonly signedAt: number;
}

const hex = z.string().regex(/^[0-9a-f]{40}$/);
const signedQuery = z.object({
  timestamp: z.string().regex(/^\d{10}$/),
  nonce: z.string().regex(/^[\w-]{1,64}$/),
  signature: hex.optional(),
  msg_signature: hex.optional(),
});

const CONSOLE = 'WeChat console: Development > Development settings > Message push';
const NOT_SIGNED = `the signature does not hold: compare WX_CALLBACK_TOKEN with the Token (${CONSOLE})`;
const NO_SIGNATURE = `the query has no signature: WeChat signs what it pushes to a URL (${CONSOLE}). What Cloud Run pushes itself has none, and is refused`;
const NO_MSG_SIGNATURE =
  'the query has no msg_signature, which alone covers an encrypted message: does a proxy cut the query?';
const NOT_DECRYPTED = `does not decrypt: compare WX_CALLBACK_AES_KEY with the EncodingAESKey (${CONSOLE})`;
const NOT_ENCRYPTED = `is not encrypted, but WX_CALLBACK_AES_KEY is set: choose the safe mode (${CONSOLE})`;
const FOREIGN = {
  reason: 'the message is for another app than WX_APPID (or WX_APPS): see which consoles have our URL',
};
const ENCRYPTED = `is encrypted: set WX_CALLBACK_AES_KEY to the EncodingAESKey (${CONSOLE})`;

/**
 * Checks that WeChat signed a query, with what else is signed, and when.
 * @throws {AppError} `callback_signature_invalid`, `callback_replayed`
 */
export function checkSignature(
  query: unknown,
  { callback, now }: OpenNeeds,
  name: 'signature' | 'msg_signature',
  ...more: string[]
): Pick<OpenedMessage, 'signature' | 'signedAt'> {
  const { data } = signedQuery.safeParse(query);
  const given = data?.[name];
  if (!data || !given || !isSigned([callback.token, data.timestamp, data.nonce, ...more], given))
    throw new AppError('callback_signature_invalid', { reason: whyNotSigned(query, name) });
  const seconds = Math.round(now().getTime() / 1000) - Number(data.timestamp);
  if (Math.abs(seconds) * 1000 > MAX_AGE_MS) {
    throw new AppError('callback_replayed', {
      reason: `signed ${seconds} s ago by the clock here (at most ${MAX_AGE_MS / 1000}): set this server's clock right, or somebody sends an old message again`,
    });
  }
  // Joined as they are signed: cut in two at another place, the same signature would hold once more.
  const signature = [data.timestamp, data.nonce].sort().join('');
  return { signature, signedAt: Number(data.timestamp) };
}

function whyNotSigned(query: unknown, name: 'signature' | 'msg_signature'): string {
  const { signature, [name]: given } = (query ?? {}) as Record<string, unknown>;
  if (given) return NOT_SIGNED;
  return signature ? NO_MSG_SIGNATURE : NO_SIGNATURE;
}

/**
 * Opens what WeChat posted, in whatever mode the settings ask for.
 * @throws {AppError} `callback_signature_invalid`, `callback_replayed`, `callback_foreign_app`, `callback_unreadable`
 */
export function openMessage(query: unknown, body: unknown, needs: OpenNeeds): OpenedMessage {
  const sent = sentAs(body);
  const { aesKey } = needs.callback;
  const opened =
    aesKey === undefined ? openPlain(query, sent, needs) : openSafe(query, sent, { ...needs, aesKey });
  const named = [opened.appid, opened.message.appid].filter((appid) => appid !== undefined);
  // All events about a user name their app, so only other messages in plain text may be for another of ours.
  const appid = needs.appids.find((each) => each === named[0]) ?? needs.appids[0];
  if (named.some((each) => each !== appid)) throw new AppError('callback_foreign_app', FOREIGN);
  return { ...opened, appid };
}

interface Opened extends Omit<OpenedMessage, 'appid'> {
  readonly appid?: string;
}

function openPlain(query: unknown, { text, isRounded }: Sent, needs: OpenNeeds): Opened {
  const signed = checkSignature(query, needs, 'signature');
  const message = readMessage(text);
  if (!message) throw unreadable('is neither JSON nor the XML of WeChat');
  if (message.encrypted !== undefined && message.type === undefined) throw unreadable(ENCRYPTED);
  // Two messages may have become the same text: in doubt one is done twice, which is safe, and not left out.
  return { message, text: isRounded ? `${text} ${signed.signature}` : text, ...signed };
}

/** Nothing but `Encrypt` counts: what stands beside it in the compatible mode is not covered by any signature. */
function openSafe(query: unknown, sent: Sent, needs: OpenNeeds & { aesKey: string }): Opened {
  const encrypted = readMessage(sent.text)?.encrypted;
  if (encrypted === undefined) throw unreadable(NOT_ENCRYPTED);
  const signed = checkSignature(query, needs, 'msg_signature', encrypted);
  const opened = decryptMessage(encrypted, needs.aesKey);
  if (!opened) throw unreadable(NOT_DECRYPTED);
  const message = readMessage(opened.text);
  if (!message) throw unreadable('is neither JSON nor the XML of WeChat, decrypted');
  return { message, ...opened, ...signed };
}

const PARSED_BEFORE = 'was read by a body parser of the app: mount callbackRoutes before the body parsers';

/** A check of Cloud Run's is short: nothing long is read before its signature. */
const SHORT = 256;

/** Whether this is WeChat Cloud Run's question for the path, which it does not sign. */
export function asksForPath(body: unknown): boolean {
  const { text } = toText(body);
  return text !== undefined && text.length <= SHORT && isPathCheck(readMessage(text));
}

interface Sent {
  readonly text: string;
  /** A parser of the app around us made a number of an integer that no number holds. */
  readonly isRounded: boolean;
}

/** What was sent, or the JSON of it where a parser of the app around us has read it before us. */
function sentAs(body: unknown): Sent {
  const { text, isRounded } = toText(body);
  if (text === undefined) throw unreadable('is not UTF-8');
  const isParsed = typeof body === 'object' && !Buffer.isBuffer(body);
  const message = isParsed ? readMessage(text) : undefined;
  // A form, or XML by another's parser, has neither.
  if (isParsed && !message?.type && !message?.encrypted) throw unreadable(PARSED_BEFORE);
  return { text, isRounded };
}

function toText(body: unknown): { readonly text: string | undefined; readonly isRounded: boolean } {
  if (typeof body === 'string') return { text: body, isRounded: false };
  if (Buffer.isBuffer(body)) return { text: decodeUtf8(body), isRounded: false };
  if (body === undefined) return { text: '', isRounded: false };
  let isRounded = false;
  const text = JSON.stringify(body, (_key, value) => {
    isRounded ||= Number.isInteger(value) && !Number.isSafeInteger(value);
    return typeof value === 'bigint' ? String(value) : value;
  });
  return { text, isRounded };
}

function unreadable(what: string): AppError {
  return new AppError('callback_unreadable', { reason: `the message ${what}` });
}
