import type { Phone, Told } from '../phone/phone.ts';
import { ask, type Stored, userPath, type WeChatState } from './ask.ts';
import { byId, element, say, timeOf } from './dom.ts';
import { createStory, ofPhone, ofWeChat } from './story.ts';
import { claimsOf, fill, lifeOf, shownClaims } from './token.ts';

const query = new URLSearchParams(location.search);
const user = query.get('user')?.trim() || 'Ada';
const phoneNumber = query.get('phone') ?? '1';
const frame = byId('frame', HTMLIFrameElement);
const tellStory = createStory(byId('story', HTMLElement), byId('nothing', HTMLElement));

let stored: Stored = { row: null, sessions: [] };
let wechat: WeChatState | undefined;

const phone = () => (frame.contentWindow as (Window & { phone?: Phone }) | null)?.phone;

/** Looks at everything again; once at a time, and once more if it was asked meanwhile. */
let looking: Promise<void> | undefined;
let again = false;
function look(): Promise<void> {
  again = looking !== undefined;
  looking ??= lookOnce().finally(() => {
    looking = undefined;
    if (again) void look();
  });
  return looking;
}

async function lookOnce(): Promise<void> {
  const asked = [ask<WeChatState>('GET', '/control/state'), ask<Stored>('GET', userPath(user))] as const;
  const answers = await Promise.all(asked).catch(() => undefined);
  tell('server', answers ? '' : say('服务器没有应答', 'The server does not answer'));
  if (!answers) return;
  const [now, ofUser] = answers;
  tellCalls(now);
  [wechat, stored] = [now, ofUser];
  show();
}

/** Those that are new since the last look, the oldest first. */
function tellCalls({ calls: { last }, clock: { aheadMs } }: WeChatState): void {
  if (!wechat) return;
  const known = wechat.calls.last[0];
  const upTo = known
    ? last.findIndex((each) => each.at === known.at && each.endpoint === known.endpoint)
    : last.length;
  for (const call of last.slice(0, upTo < 0 ? last.length : upTo).reverse())
    tellStory(ofWeChat(call, aheadMs));
}

function show(): void {
  const { row, sessions } = stored;
  fill(
    byId('row', HTMLElement),
    Object.entries(row ?? {}).map(([name, value]) => [name, value === null ? 'NULL' : String(value)]),
  );
  byId('row', HTMLElement).dataset['empty'] = say('没有：还没有登录过', 'None: nobody has logged in yet');
  const token = phone()?.token();
  const mine = token ? claimsOf(token) : undefined;
  fill(byId('claims', HTMLElement), mine ? shownClaims(mine) : []);
  showLife();
  byId('sessions', HTMLElement).replaceChildren(
    ...sessions.map(({ id, device, place, createdAt }) =>
      element(
        'li',
        id === mine?.sid ? 'mine' : '',
        element('b', '', device),
        ` ${place} · ${timeOf(createdAt)} `,
        element('code', '', `${id.slice(0, 8)}…`),
      ),
    ),
  );
  if (!wechat) return;
  const profile = wechat.users.find((each) => each.user === user)?.profile;
  press(byId('anonymous', HTMLElement), profile === 'anonymous');
  press(byId('ban', HTMLElement), row?.['status'] === 'banned');
  const { errcode, cut } = wechat.faults.find(({ endpoint }) => endpoint === '*') ?? {};
  const how = cut ? 'down' : errcode === undefined ? 'normal' : 'busy';
  for (const each of document.querySelectorAll<HTMLElement>('[data-wechat]'))
    press(each, each.dataset['wechat'] === how);
}

function showLife(): void {
  const token = phone()?.token();
  const claims = token ? claimsOf(token) : undefined;
  const life = byId('life', HTMLElement);
  const { text, good } = claims
    ? lifeOf(claims, stored)
    : { text: say('手机里没有 token', 'The phone has none'), good: false };
  if (life.textContent !== text) life.textContent = text;
  life.className = good ? 'good' : '';
}

function press(button: HTMLElement, pressed: boolean): void {
  button.ariaPressed = String(pressed);
}

const isPressed = (id: string) => byId(id, HTMLElement).ariaPressed === 'true';

function on(id: string, work: () => Promise<unknown> | unknown): void {
  byId(id, HTMLElement).addEventListener('click', () => act(work));
}

async function act(work: () => Promise<unknown> | unknown): Promise<void> {
  tell('status', '');
  try {
    await work();
  } catch (error) {
    tell('status', (error as Error).message);
  }
  await look();
}

/** Says something in one of the page's places for it, unless it stands there already. */
function tell(place: 'status' | 'server', text: string): void {
  const { textContent } = byId(place, HTMLElement);
  if (textContent !== text) byId(place, HTMLElement).textContent = text;
}

async function setWeChat(how: string | undefined): Promise<void> {
  await ask('DELETE', '/control/faults/*');
  if (how === 'busy') await ask('POST', '/control/faults', { endpoint: '*', errcode: -1 });
  if (how === 'down') await ask('POST', '/control/faults', { endpoint: '*', cut: true });
}

async function expire(): Promise<void> {
  const token = phone()?.token();
  const sid = token && claimsOf(token)?.sid;
  if (!sid) throw new Error(say('手机里没有 token：先登录', 'The phone has no token: log in first'));
  const expired = await ask<{ token: string }>('POST', `${userPath(user)}/expired-token`, { session: sid });
  phone()?.replaceToken(expired.token);
}

const users = `/control/users/${encodeURIComponent(user)}`;
on('anonymous', () => ask('PUT', users, { profile: isPressed('anonymous') ? 'named' : 'anonymous' }));
on('rotate', () => ask('DELETE', `/control/sessions/${encodeURIComponent(user)}`));
on('ban', () => ask('PUT', userPath(user), { banned: !isPressed('ban') }));
on('expire', expire);
on('requests', () => phone()?.requests(10));
on('uninstall', () => {
  phone()?.clear();
  frame.contentWindow?.location.reload();
});
for (const button of document.querySelectorAll<HTMLElement>('[data-wechat]'))
  button.addEventListener('click', () => act(() => setWeChat(button.dataset['wechat'])));

byId('user', HTMLInputElement).value = user;
byId('who', HTMLFormElement).addEventListener('submit', (event) => {
  event.preventDefault();
  location.search = `?${new URLSearchParams({ user: byId('user', HTMLInputElement).value })}`;
});
byId('other', HTMLAnchorElement).href =
  `?${new URLSearchParams({ user, phone: String(Number(phoneNumber) + 1) })}`;

addEventListener('message', ({ origin, source, data }: MessageEvent<Told>) => {
  if (origin !== location.origin || source !== frame.contentWindow) return;
  tellStory(ofPhone(data));
  void look();
});
frame.addEventListener('load', () => void look());
setInterval(() => document.hidden || showLife(), 1000);
setInterval(() => document.hidden || void look(), 2000);
void look().then(() => {
  frame.src = `/sandbox/demo/phone.html?${new URLSearchParams({ user, phone: phoneNumber })}`;
  for (const each of wechat?.users ?? []) byId('users', HTMLElement).append(element('option', '', each.user));
});
