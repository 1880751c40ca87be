import type { Told } from '../phone/phone.ts';
import type { WeChatCall } from './ask.ts';
import { element, say, timeOf } from './dom.ts';

/** Somebody who has done nothing for so long begins a new step. */
const STEP_MS = 1500;
const STEPS_KEPT = 200;
/** So near to the end is at the end. */
const NEAR_PX = 40;

/** Something that happened. */
export interface Entry {
  /** When it began. What the phone does it tells by the browser's clock; what the server asks of WeChat comes by the server's, the same on one machine. */
  readonly at: number;
  readonly kind: 'call' | 'request' | 'wechat' | 'world' | 'error';
  readonly title: string;
  readonly result: string;
  readonly isGood: boolean;
  readonly ms?: number;
  /** What stands inside, each with its name. */
  readonly parts: readonly (readonly [string, unknown])[];
}

/**
 * Tells what happens, in steps and in the order of time: what began before may be told after. The newest is in sight, unless
 * the reader has gone back to read.
 */
export function createStory(list: HTMLElement, empty: HTMLElement): (entry: Entry) => void {
  let lastAt = 0;
  let step = list;
  let isFollowed = true;
  const follow = () => {
    if (isFollowed) list.scrollTop = list.scrollHeight;
  };
  // Only he goes back: a list that grows, or an entry that is opened, moves nothing up.
  let lastTop = 0;
  list.addEventListener('scroll', () => {
    const { scrollTop, scrollHeight, clientHeight } = list;
    const isAtEnd = scrollHeight - scrollTop - clientHeight < NEAR_PX;
    if (isAtEnd || scrollTop < lastTop) isFollowed = isAtEnd;
    lastTop = scrollTop;
  });
  new ResizeObserver(follow).observe(list);

  return (entry) => {
    if (entry.at - lastAt > STEP_MS) {
      step = element('ol');
      list.append(element('li', 'step', element('time', '', timeOf(entry.at)), step));
      if (list.childElementCount > STEPS_KEPT) list.firstElementChild?.remove();
    }
    lastAt = Math.max(lastAt, entry.at);
    empty.hidden = true;
    const item = element('li', entry.isGood ? entry.kind : `${entry.kind} failed`, detailsOf(entry));
    // A request that leads to another one began before it, if only by less than a millisecond.
    const at = entry.at + (entry.kind === 'wechat' ? 0.5 : 0);
    item.dataset['at'] = String(at);
    const later = [...step.children].find((each) => Number((each as HTMLElement).dataset['at']) > at);
    step.insertBefore(item, later ?? null);
    follow();
  };
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
  return { at, kind: 'world', title, result, isGood: true, parts: [] };
}

const NO_ANSWER = say('没有应答', 'no answer');

function asked(request: unknown, answer: unknown): [string, unknown][] {
  return [
    [say('请求', 'request'), request],
    [say('应答', 'answer'), answer],
  ];
}

function detailsOf({ title, result, isGood, ms, parts }: Entry): HTMLElement {
  const badge = element('span', isGood ? 'badge' : 'badge bad', result);
  const summary = element(
    'summary',
    '',
    element('b', '', title),
    ' ',
    badge,
    ms === undefined ? '' : ` ${ms} ms`,
  );
  const details = element('details', '', summary);
  for (const [name, value] of parts)
    if (value !== undefined) details.append(element('h4', '', name), element('pre', '', textOf(value)));
  return details;
}

/** Long texts are cut, and so are tokens: a picture of the page can be shared. */
function textOf(value: unknown): string {
  if (typeof value === 'string') return short(value);
  return JSON.stringify(value, (_name, inner) => (typeof inner === 'string' ? short(inner) : inner), 2);
}

function short(text: string): string {
  const [token] = /^(?:Bearer )?eyJ.{12}/.exec(text) ?? [];
  if (token) return `${token}…`;
  return text.length > 240 ? `${text.slice(0, 160)}… (${text.length})` : text;
}
