import { z } from 'zod';
import { rule } from '../issues.ts';
import type { Text } from '../language.ts';
import { LOGIN_CODE } from '../wechat/codes.ts';
import { isObjectText, unescaped, unquoted } from '../wechat/transport.ts';

const MAX_LENGTH = 128;
const TOO_LONG: Text = {
  zh: `最多 ${MAX_LENGTH} 个字符，微信的 code 没有这么长`,
  en: `must have at most ${MAX_LENGTH} characters: no code of WeChat is longer`,
};

/** Where a code comes from: what it is when it is missing, and in the page's words. */
interface Source {
  readonly from: Text;
  /** Such as `res.code`. */
  readonly name: string;
}

/** A form or a careless client sends the text of a missing value. */
export function isAbsent(value: unknown): boolean {
  return ['', 'undefined', 'null', null, undefined].includes(value as string | null | undefined);
}

/** A code that WeChat gave to a page, without the quotes and the URL-encoding that it may have got on its way. */
function codeOf(form: RegExp, { from, name }: Source) {
  return z.preprocess(
    received,
    z.string().check(
      rule((code) => code !== '', {
        zh: `缺失或为空：请发送${from.zh}的 ${name}`,
        en: `is missing: send the ${name} of ${from.en}`,
      }),
      rule((code) => !isObjectText(code), {
        zh: `是对象，不是文本：请只发送 ${name}`,
        en: `is an object, not a text: send ${name} alone`,
      }),
      rule((code) => code.length <= MAX_LENGTH, TOO_LONG),
      rule((code) => form.test(code), {
        zh: `只能包含字母、数字、_ 和 -：请原样发送${from.zh}的 ${name}`,
        en: `can have letters, digits, _ and - only: send the ${name} of ${from.en} as it is`,
      }),
    ),
  );
}

function received(value: unknown): unknown {
  if (isAbsent(value)) return '';
  if (typeof value === 'string') return unquoted(unescaped(value)).trim();
  return typeof value === 'object' && !Array.isArray(value) ? '[object Object]' : value;
}

/** Of wx.login. */
export const loginCode = codeOf(LOGIN_CODE, {
  from: { zh: ' wx.login 返回', en: 'wx.login' },
  name: 'res.code',
});

/** Of the getPhoneNumber button. */
export const phoneCode = codeOf(/^[\w-]*$/, {
  from: { zh: '手机号按钮（getPhoneNumber）返回', en: 'the getPhoneNumber button' },
  name: 'e.detail.code',
});
