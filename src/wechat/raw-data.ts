import type { Issue } from '../errors.ts';
import type { Text } from '../language.ts';
import { verifySignature } from './crypto.ts';
import { decoded, isObjectText, unquoted } from './transport.ts';

/** `rawData` as it came: WeChat's text, or the object that a page made of it. */
export type RawData = string | Readonly<Record<string, unknown>>;
type Said = Readonly<Record<string, unknown>>;

/** So often may somebody have put a text into another on its way. */
const MAX_WRAPS = 4;

const AN_OBJECT: Text = {
  zh: '是对象被转成的文本（[object Object]），已忽略：请发送 rawData 文本本身',
  en: 'was not used: it is an object that became the text [object Object]. Send the text rawData itself',
};
const HTML: Text = {
  zh: '含有 &quot;，已忽略：途中被当作 HTML 转义，请原样发送',
  en: 'was not used: something on its way escaped it as HTML (&quot;). Send it unchanged',
};
const NOT_JSON: Text = { zh: '不是 JSON 对象，已忽略', en: 'was not used: it is not a JSON object' };

const NO_RAW_DATA: Text = {
  zh: '签的是 rawData，但没有收到 rawData',
  en: 'signs rawData, which is missing',
};
const NOT_A_SIGNATURE: Text = {
  zh: '不是微信返回的 signature（40 位十六进制）',
  en: 'is not a signature of WeChat, which has 40 hex digits',
};
const OF_A_TEXT: Text = {
  zh: '签的是 rawData 的原始文本，收到的却是对象：请原样发送 rawData 文本',
  en: 'signs the text rawData, and an object came: send the text as WeChat gave it',
};
const NOT_SIGNED: Text = {
  zh: '与 rawData 不符',
  en: 'does not match rawData',
};

/**
 * The text that WeChat signed, among those which this rawData may have been before its way here. The signature tells which: no text is
 * taken for WeChat's that does not hold under it, byte by byte.
 * @param sessionKey empty where there is none: anybody could sign then
 */
export function signedText(
  rawData: RawData | undefined,
  signature: string,
  sessionKey: string,
): string | undefined {
  if (rawData === undefined || !sessionKey) return undefined;
  const given = signatureOf(signature);
  return readingsOf(rawData).find((text) => verifySignature(text, sessionKey, given));
}

/** Why a signature proves nothing. */
export function whyNotSigned(rawData: RawData | undefined, signature: string): Text {
  if (rawData === undefined) return NO_RAW_DATA;
  if (!/^[0-9a-f]{40}$/i.test(signatureOf(signature))) return NOT_A_SIGNATURE;
  return typeof rawData === 'object' ? OF_A_TEXT : NOT_SIGNED;
}

/** What rawData says, or why it says nothing. */
export function parseRawData(
  rawData: RawData,
): { said: Said; issue?: never } | { said?: never; issue: Issue } {
  if (typeof rawData === 'object') return { said: rawData };
  const said = readingsOf(rawData)
    .map(objectIn)
    .find((each) => each !== undefined);
  if (said) return { said };
  const message = isObjectText(rawData) ? AN_OBJECT : /&(?:quot|#34);/.test(rawData) ? HTML : NOT_JSON;
  return { issue: { path: 'rawData', message } };
}

const signatureOf = (sent: string): string => unquoted(sent).trim();

/** As it came, taken out of what it was put into, and with what a form does to `+` and blanks undone. */
function readingsOf(rawData: RawData): string[] {
  if (typeof rawData === 'object') return written(rawData);
  const text = unwrapped(rawData);
  return [...new Set([rawData, text, text.replaceAll('+', ' '), text.replaceAll(' ', '+')])];
}

/** Nothing where it is nested too deep to be written: WeChat signed no such text. */
function written(rawData: object): string[] {
  try {
    return [JSON.stringify(rawData)];
  } catch {
    return [];
  }
}

/** WeChat's text begins with a brace. */
function unwrapped(sent: string): string {
  let text = sent;
  for (let i = 0; i < MAX_WRAPS; i++) text = unwrap(text) ?? text;
  return text;
}

function unwrap(text: string): string | undefined {
  if (text.startsWith('"')) return stringIn(text);
  if (text.startsWith('{\\"')) return stringIn(`"${text}"`);
  // A form writes a blank as `+`; what writes it as %20 writes `+` as itself, or as %2B.
  if (text.startsWith('%')) return decoded(text.includes('%20') ? text : text.replaceAll('+', '%20'));
  return undefined;
}

function stringIn(json: string): string | undefined {
  const value = parsed(json);
  return typeof value === 'string' ? value : undefined;
}

/** The object that a text is in JSON, and nothing else. */
export function objectIn(json: string): Said | undefined {
  const value = parsed(json);
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  return isObject ? (value as Said) : undefined;
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}
