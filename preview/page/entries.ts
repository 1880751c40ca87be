import type { Told } from '../phone/phone.ts';
import type { WeChatCall } from './ask.ts';
import { say } from './dom.ts';

/** Something that happened. */
export interface Entry {
  /** When it began. What the phone does it tells by the browser's clock; what the server asks of WeChat comes by the server's, the same on one machine. */
  readonly at: number;
  readonly kind: 'call' | 'request' | 'wechat' | 'deed' | 'error';
  readonly title: string;
  readonly result: string;
  readonly isGood: boolean;
  readonly ms?: number;
  /** What stands inside, each with its name. */
  readonly parts: readonly (readonly [string, unknown])[];
}

/** What the phone told, for the story. */
export function ofPhone(event: Told): Entry {
  if (event.kind === 'request') {
    const { method, path, startedAt, status, ms, body, answer, token } = event.exchange;
    return {
      at: startedAt,
      kind: 'request',
      title: `${method} ${path}`,
      result: status ? String(status) : NO_ANSWER,
      isGood: status >= 200 && status < 400,
      ms,
      parts: [['Authorization', token], ...asked(body, answer)],
    };
  }
  const { at } = event;
  if (event.kind === 'error') {
    return {
      at,
      kind: 'error',
      title: event.message,
      result: say('出错', 'error'),
      isGood: false,
      parts: [],
    };
  }
  const { title, result, shown } = event;
  return {
    at,
    kind: 'call',
    title,
    result,
    isGood: result.startsWith('ok'),
    parts: [['', shown]],
  };
}

/** What the server asked of WeChat, for the story. @param aheadMs how far the local WeChat's clock is ahead of ours */
export function ofWeChat(
  { at, endpoint, method, status, query, body, answer }: WeChatCall,
  aheadMs: number,
): Entry {
  const { errcode = 0 } = Object(answer) as { errcode?: number };
  return {
    at: Date.parse(at) - aheadMs,
    kind: 'wechat',
    title: `${method} ${endpoint}`,
    result: String(errcode || (status ?? NO_ANSWER)),
    isGood: status === 200 && errcode === 0,
    parts: asked(body ?? query, answer),
  };
}

/** What the reader did to the world. */
export function ofWorld(at: number, title: string, result: string): Entry {
  return { at, kind: 'deed', title, result, isGood: true, parts: [] };
}

const NO_ANSWER = say('没有应答', 'no answer');

function asked(request: unknown, answer: unknown): [string, unknown][] {
  return [
    [say('请求', 'request'), request],
    [say('应答', 'answer'), answer],
  ];
}
