import type { Phone, Told } from '../phone/phone.ts';
import { searchOf, whoIn } from '../who.ts';
import { ask, userPath, type WeChatState } from './ask.ts';
import { byId, element, say } from './dom.ts';
import { ofPhone, ofWeChat, ofWorld } from './entries.ts';
import { isPressed, show, showLife, tell } from './show.ts';
import { createStory } from './story.ts';
import { claimsOf } from './token.ts';
import { createWatch, newCalls, type Standing } from './watch.ts';

const LIFE_MS = 1000;
const LOOK_MS = 2000;

const who = whoIn(location.search);
const { user } = who;
const frame = byId('frame', HTMLIFrameElement);
/** None while it is switched off, or where the browser shows a page of its own in its place. */
const phone = () => frame.contentDocument && (frame.contentWindow as Window & { phone?: Phone }).phone;
const tellStory = createStory({
  log: byId('story'),
  empty: byId('nothing'),
  announcement: byId('announcement'),
});
let standing: Standing | undefined;

const look = createWatch(user, (now) => {
  tell('server', now instanceof Error ? now.message : '');
  if (now instanceof Error) return;
  if (standing) tellCalls(now.wechat, standing.wechat);
  standing = now;
  show(now, user, phone()?.token());
});

function tellCalls(now: WeChatState, before: WeChatState): void {
  const { calls, missed } = newCalls(now, before);
  if (missed > 0)
    tellStory(ofWorld(Date.now(), 'WeChat', say(`还有 ${missed} 次调用`, `${missed} more calls`)));
  for (const call of calls) tellStory(ofWeChat(call, now.clock.aheadMs));
}

/** What the buttons do, by their ids. */
const actions: Readonly<Record<string, () => Promise<unknown> | unknown>> = {
  normal: heal,
  busy: () => heal().then(() => ask('POST', '/control/faults', { endpoint: '*', errcode: -1 })),
  down: () => heal().then(() => ask('POST', '/control/faults', { endpoint: '*', cut: true })),
  anonymous: () =>
    ask('PUT', `/control/users/${encodeURIComponent(user)}`, {
      profile: isPressed('anonymous') ? 'named' : 'anonymous',
    }),
  rotate: () => ask('DELETE', `/control/sessions/${encodeURIComponent(user)}`),
  ban: () => ask('PUT', userPath(user), { banned: !isPressed('ban') }),
  expire,
  requests: () => {
    tokenOfPhone();
    phone()?.requests(10);
  },
  uninstall: () => {
    phone()?.clear();
    switchOn();
  },
};

let acting = false;
for (const [id, action] of Object.entries(actions)) byId(id).addEventListener('click', () => act(id, action));

/** One at a time: two clicks are not two faults. */
async function act(id: string, action: () => Promise<unknown> | unknown): Promise<void> {
  if (acting) return;
  acting = true;
  const at = Date.now();
  tell('status', '');
  try {
    await action();
    await look();
    const { textContent, ariaPressed } = byId(id);
    const result = ariaPressed === 'false' ? say('取消', 'off') : say('完成', 'done');
    tellStory(ofWorld(at, textContent ?? '', result));
  } catch (error) {
    tell('status', (error as Error).message);
  } finally {
    acting = false;
  }
}

byId('user', HTMLInputElement).value = user;
byId('who').addEventListener('submit', (event) => {
  event.preventDefault();
  location.search = searchOf({ user: byId('user', HTMLInputElement).value, phone: 1 });
});
byId('other', HTMLAnchorElement).href = searchOf({ user, phone: who.phone + 1 });

addEventListener('message', ({ origin, source, data }: MessageEvent<Told>) => {
  if (origin !== location.origin || source !== frame.contentWindow) return;
  tellStory(ofPhone(data));
  void look();
});
frame.addEventListener('load', () => void look());
setInterval(() => document.hidden || (standing && showLife(standing.stored, phone()?.token())), LIFE_MS);
setInterval(() => document.hidden || void look(), LOOK_MS);
// The phone is switched on after the first look: what it does is new then.
void look().then(() => {
  switchOn();
  for (const each of standing?.wechat.users ?? []) byId('users').append(element('option', '', each.user));
});

function switchOn(): void {
  frame.src = `/sandbox/demo/phone.html${searchOf(who)}`;
}

function heal(): Promise<unknown> {
  return ask('DELETE', '/control/faults');
}

function tokenOfPhone(): string {
  const token = phone()?.token();
  if (!token) throw new Error(say('手机里没有 token：先登录', 'The phone has no token: log in first'));
  return token;
}

async function expire(): Promise<void> {
  const session = claimsOf(tokenOfPhone())?.sid;
  const expired = await ask<{ token: string }>('POST', `${userPath(user)}/expired-token`, { session });
  phone()?.replaceToken(expired.token);
}
