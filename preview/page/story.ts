import { element, timeOf } from './dom.ts';
import type { Entry } from './entries.ts';

/** Somebody who has done nothing for so long begins a new step. */
const STEP_MS = 1500;
const STEPS_KEPT = 200;
/** So near to the end is at the end. */
const NEAR_PX = 40;

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
