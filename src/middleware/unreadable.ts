import type { Request } from 'express';
import { AppError } from '../errors.ts';
import type { Text } from '../language.ts';

/** What no parser could read. */
export const NOT_READABLE: Text = { zh: '无法解析请求', en: 'the request cannot be parsed' };
const NOT_JSON: Text = {
  zh: '无法解析：不是完整的 JSON，或被截断',
  en: 'cannot be parsed: it is no JSON, or cut short',
};
export const NOT_UTF8: Text = {
  zh: '不是 UTF-8 编码（例如 GBK）：请用 UTF-8 发送',
  en: 'is not UTF-8 (GBK, perhaps): send it in UTF-8',
};

const A_FORM: Text = {
  zh: '的内容是表单（a=b），但 Content-Type 为 application/json：请发送 JSON，或改用 application/x-www-form-urlencoded',
  en: 'is a form (a=b), but its Content-Type says application/json: send JSON, or application/x-www-form-urlencoded',
};
const MULTIPART: Text = {
  zh: '的内容是 multipart/form-data，但 Content-Type 为 application/json：上传文件请用 wx.uploadFile，且不要自己设置 Content-Type',
  en: 'is multipart/form-data, but its Content-Type says application/json: upload with wx.uploadFile, without a Content-Type of your own',
};
const MARKUP: Text = { zh: '的内容是 XML 或 HTML，不是 JSON', en: 'is XML or HTML, not JSON' };
const AN_OBJECT: Text = {
  zh: '是对象被转成的文本（[object Object]）：请用 JSON.stringify，或让 wx.request 自己转换 data',
  en: 'is an object that became the text [object Object]: use JSON.stringify, or leave it to wx.request',
};
const JSON_TWICE: Text = {
  zh: '必须是 JSON 对象：JSON.stringify 可能被调用了两次',
  en: 'must be a JSON object: JSON.stringify was called twice, perhaps',
};
const JSON_AS_FORM: Text = {
  zh: '的内容是 JSON，但 Content-Type 为 application/x-www-form-urlencoded：请改为 application/json',
  en: 'is JSON, but its Content-Type says application/x-www-form-urlencoded: make that application/json',
};

/** What a text is that says it is JSON. */
export function notJson(text: string): Text {
  const start = text.trimStart().slice(0, 100);
  if (start.startsWith('--')) return MULTIPART;
  if (start.startsWith('<')) return MARKUP;
  if (start.startsWith('[object ')) return AN_OBJECT;
  if (start.startsWith('"')) return JSON_TWICE;
  return /^[\w.%[\]-]{1,64}=/.test(start) ? A_FORM : NOT_JSON;
}

/** What a text is that says it is a form, where it is none. No form begins with a brace: whoever makes one escapes it. */
export function notAForm(text: string): Text | undefined {
  const start = text.trimStart().slice(0, 100);
  if (/^\{\s*["}]/.test(start)) return JSON_AS_FORM;
  return start.startsWith('[object ') ? AN_OBJECT : undefined;
}

/** The type of a body that a route does not take, with what to send there. */
export function wrongType(req: Request, toSend: Text): AppError {
  const type = /^[\w.+-]{1,40}\/[\w.+-]{1,60}/.exec(req.get('content-type')?.trim() ?? '')?.[0];
  const zh = type ? `的 Content-Type 是 ${type}` : '没有可用的 Content-Type';
  const en = type ? `was sent as ${type}` : 'has no Content-Type that can be read';
  const message = { zh: `${zh}：${toSend.zh}`, en: `${en}: ${toSend.en}` };
  const reason = `the body ${message.en}`;
  return new AppError('unsupported_media_type', { issues: [{ path: 'body', message }], reason });
}
