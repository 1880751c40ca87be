import type { Issue } from '../errors.ts';
import type { Text } from '../language.ts';
import { fromBase64, type Sealed } from './crypto.ts';
import { isObjectText, unescaped, unquoted } from './transport.ts';

/** encryptedData and iv as WeChat gave them to the page; or what came in their place. */
export type Received =
  | { readonly sealed: Sealed; readonly issue?: never }
  | { readonly sealed?: never; readonly issue: Issue };

const IV_BYTES = 16;

const AN_OBJECT: Text = {
  zh: '是对象被转成的文本（[object Object]）：请发送 e.detail 中的文本本身',
  en: 'is an object that became the text [object Object]: send the text that is in e.detail',
};
const JSON_TEXT: Text = {
  zh: '是 JSON，不是 base64：请只发送其中的 encryptedData 和 iv',
  en: 'is JSON, not base64: send the encryptedData and the iv that are in it',
};
const HEX: Text = {
  zh: '是十六进制，不是 base64：请原样发送',
  en: 'is hex, not base64: send it as WeChat gave it',
};
const NOT_BASE64: Text = {
  zh: '不是微信返回的 base64 文本：请原样发送，不要改写',
  en: 'is not the base64 text that WeChat gave: send it unchanged',
};
const CUT: Text = {
  zh: '不完整：传输途中被截断或改写（用 JSON 发送即可避免）',
  en: 'is not whole: it was cut or changed on its way, which does not happen in JSON',
};
const SWAPPED: Text = { zh: '与 iv 写反了', en: 'and iv are each in the place of the other' };
const NOT_AN_IV: Text = {
  zh: '必须是与 encryptedData 同时返回的 iv（24 个字符）',
  en: 'must be the iv that came with this encryptedData (24 characters)',
};

const isIv = (bytes: Buffer) => bytes.length === IV_BYTES;
const isData = (bytes: Buffer) => bytes.length > 0 && bytes.length % IV_BYTES === 0;

/**
 * Undoes what was done to encryptedData and iv on their way: `+` that became a blank, URL-encoding, also twice, the URL's base64, missing
 * padding, line breaks, quotes. It makes the one canonical text that WeChat wrote, so what WeChat is asked about is that.
 */
export function receiveSealed({ encryptedData, iv }: Sealed): Received {
  const sealed = { encryptedData: base64Of(encryptedData, isData), iv: base64Of(iv, isIv) };
  if (sealed.encryptedData !== undefined && sealed.iv !== undefined)
    return { sealed: { encryptedData: sealed.encryptedData, iv: sealed.iv } };
  const isSwapped = base64Of(encryptedData, isIv) !== undefined && base64Of(iv, isData) !== undefined;
  if (isSwapped) return { issue: { path: 'encryptedData', message: SWAPPED } };
  return sealed.encryptedData === undefined
    ? { issue: { path: 'encryptedData', message: describe(encryptedData, CUT) } }
    : { issue: { path: 'iv', message: describe(iv, NOT_AN_IV) } };
}

/** The canonical base64 that was meant, if there is one that makes such bytes. */
function base64Of(sent: string, holds: (bytes: Buffer) => boolean): string | undefined {
  const lines = standard(sent).split(/[\t\r\n]+/);
  // A blank is a `+`, at an end too, unless it was put in.
  const readings = [
    lines.join(''),
    lines.map((line) => line.trim()).join(''),
    lines.join('').replaceAll(' ', ''),
  ];
  return readings.map(padded).find((each) => {
    const bytes = fromBase64(each);
    return bytes && holds(bytes);
  });
}

/** In the standard alphabet. */
function standard(sent: string): string {
  return unquoted(unescaped(sent)).replaceAll('\\/', '/').replaceAll('-', '+').replaceAll('_', '/');
}

function padded(text: string): string {
  const digits = text.replaceAll(' ', '+').replace(/={1,2}$/, '');
  return digits.padEnd(Math.ceil(digits.length / 4) * 4, '=');
}

function describe(sent: string, wrongLength: Text): Text {
  const text = standard(sent).trim();
  if (isObjectText(text)) return AN_OBJECT;
  if (text.startsWith('{')) return JSON_TEXT;
  if (/^[0-9a-f]{32,}$/i.test(text)) return HEX;
  return /^[A-Za-z0-9+/ ]+=*$/.test(text) ? wrongLength : NOT_BASE64;
}
