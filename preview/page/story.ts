import { element, timeOf } from './dom.ts';
import type { Entry } from './entries.ts';

/** Somebody who has done nothing for so long begins a new step; so does who does very much. */
const STEP_MS = 1500;
const STEP_ENTRIES = 50;
const STEPS_KEPT = 50;
/** What happens in so short a time is announced as one. */
const ANNOUNCED_MS = 700;
const LONGEST_TEXT = 4000;
/** So near to the end is at the end. */
const NEAR_PX = 40;

/** Where the story is told. */
interface Places {
  readonly log: HTMLElement;
  /** Stands there until something happens. */
  readonly empty: HTMLElement;
  /** A live region, out of sight. */
  readonly announcement: HTMLElement;
}

/**
 * Tells what happens, in steps and in the order of time: what began before may be told after. The newest is in sight, unless
 * the reader has gone back to read.
 */
export function createStory({ log, empty, announcement }: Places): (entry: Entry) => void {
  const list = log.appendChild(element('ol'));
  let lastAt = 0;
  let step = list;
  let isFollowed = true;
  const follow = () => {
    if (isFollowed) log.scrollTop = log.scrollHeight;
  };
  // Only he goes back: a list that grows, or an entry that is opened, moves nothing up.
  let lastTop = 0;
  const heed = () => {
    const { scrollTop, scrollHeight, clientHeight } = log;
    const isAtEnd = scrollHeight - scrollTop - clientHeight < NEAR_PX;
    if (isAtEnd || scrollTop < lastTop) isFollowed = isAtEnd;
    lastTop = scrollTop;
  };
  log.addEventListener('scroll', heed);
  new ResizeObserver(follow).observe(log);
  const announce = createAnnouncer(announcement);

  return (entry) => {
    // The browser tells of a scroll a frame later.
    heed();
    if (entry.at - lastAt > STEP_MS || step.childElementCount >= STEP_ENTRIES) {
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
    let later: Element | null = null;
    for (let each = step.lastElementChild; each && timeIn(each) > at; each = each.previousElementSibling)
      later = each;
    step.insertBefore(item, later);
    follow();
    announce(`${entry.title} ${entry.result}`);
  };
}

/** When what an item tells began. */
function timeIn(item: Element): number {
  return Number((item as HTMLElement).dataset['at']);
}

/** Says the last of what happened, and how much it was: who listens would hear each of ten requests otherwise. */
function createAnnouncer(place: HTMLElement): (text: string) => void {
  let [count, last] = [0, ''];
  return (text) => {
    last = text;
    count += 1;
    if (count > 1) return;
    setTimeout(() => {
      place.textContent = count > 1 ? `${last} (${count})` : last;
      count = 0;
    }, ANNOUNCED_MS);
  };
}

function detailsOf({ title, result, isGood, ms, parts }: Entry): HTMLElement {
  const badge = element('span', isGood ? 'badge' : 'badge bad', result);
  const summary = element(
    'summary',
    '',
    element('b', '', short(title)),
    ' ',
    badge,
    ms === undefined ? '' : ` ${ms} ms`,
  );
  const details = element('details', '', summary);
  for (const [name, value] of parts)
    if (value !== undefined)
      details.append(...(name ? [element('p', 'part', name)] : []), element('pre', '', textOf(value)));
  return details;
}

/** Long texts are cut, and so are tokens: a picture of the page can be shared. */
function textOf(value: unknown): string {
  if (typeof value === 'string') return short(value);
  const text = JSON.stringify(value, (_name, inner) => (typeof inner === 'string' ? short(inner) : inner), 2);
  return text.length > LONGEST_TEXT ? `${text.slice(0, LONGEST_TEXT)}… (${text.length})` : text;
}

function short(text: string): string {
  const [token] = /^(?:Bearer )?eyJ.{12}/.exec(text) ?? [];
  if (token) return `${token}…`;
  return text.length > 240 ? `${text.slice(0, 160)}… (${text.length})` : text;
}
