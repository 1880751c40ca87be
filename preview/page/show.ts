import type { StoredSession } from './ask.ts';
import { byId, element, say } from './dom.ts';
import { claimsOf, lifeOf, shownClaims } from './token.ts';
import type { Standing } from './watch.ts';

/** Shows how things stand: what is stored of the user, his token, and which buttons are pressed. */
export function show({ wechat, stored }: Standing, user: string, token: string | undefined): void {
  const { row, sessions } = stored;
  const claims = token === undefined ? undefined : claimsOf(token);
  fill('claims', claims ? shownClaims(claims) : []);
  fill(
    'row',
    Object.entries(row ?? {}).map(([name, value]) => [name, value === null ? 'NULL' : String(value)]),
  );
  showSessions(sessions, claims?.sid);
  showLife(stored, token);

  const { profile } = wechat.users.find((each) => each.user === user) ?? {};
  const [fault, ...others] = wechat.faults.map(({ endpoint, errcode, cut }) =>
    endpoint !== '*' ? 'another' : cut ? 'down' : errcode === -1 ? 'busy' : 'another',
  );
  const health = others.length > 0 ? 'another' : (fault ?? 'normal');
  press('anonymous', profile === 'anonymous');
  press('ban', row?.['status'] === 'banned');
  for (const each of ['normal', 'busy', 'down']) press(each, each === health);
}

/** The life of the token, which goes by. */
export function showLife(stored: Standing['stored'], token: string | undefined): void {
  const claims = token === undefined ? undefined : claimsOf(token);
  const none = { text: say('手机里没有 token', 'The phone has none'), good: false };
  const { text, good } = claims ? lifeOf(claims, stored) : none;
  byId('life').className = good ? 'good' : '';
  tell('life', text);
}

/** Puts a text where there is another one. */
export function tell(id: string, text: string): void {
  if (byId(id).textContent !== text) byId(id).textContent = text;
}

/** Whether a button that can be on is on. */
export function isPressed(id: string): boolean {
  return byId(id).ariaPressed === 'true';
}

function press(id: string, pressed: boolean): void {
  byId(id).ariaPressed = String(pressed);
}

function showSessions(sessions: readonly StoredSession[], current: string | undefined): void {
  const items = sessions.map(({ id, device, place, createdAt }) =>
    element(
      'li',
      id === current ? 'mine' : '',
      element('b', '', device),
      ` ${place} · ${new Date(createdAt).toLocaleString()} `,
      element('code', '', `${id.slice(0, 8)}…`),
    ),
  );
  const list = byId('sessions');
  const isSame =
    items.length === list.childElementCount &&
    items.every((item, at) => item.isEqualNode(list.children[at] ?? null));
  if (!isSame) list.replaceChildren(...items);
}

/** Fills a `<dl>`, and marks what is not as it was. */
function fill(id: string, entries: readonly (readonly [string, string])[]): void {
  const list = byId(id);
  const terms = [...list.querySelectorAll('dt')];
  const before = new Map(terms.map((term) => [term.textContent, term.nextElementSibling?.textContent]));
  if (entries.length === before.size && entries.every(([name, value]) => before.get(name) === value)) return;
  list.replaceChildren(
    ...entries.flatMap(([name, value]) => {
      const isChanged = before.size > 0 && before.get(name) !== value;
      return [element('dt', '', name), element('dd', isChanged ? 'changed' : '', value)];
    }),
  );
}
