/** What drives the control page: it polls the state, and writes text only, never HTML, since users may have any name. */
export const script = `'use strict';
const words = document.body.dataset;
const byId = (id) => document.getElementById(id);
let shown = '';
let aheadMs = 0;

async function call(method, path, body) {
  const init = { method };
  if (body !== undefined) {
    init.headers = { 'Content-Type': 'application/json' };
    init.body = JSON.stringify(body);
  }
  const response = await fetch(words.base + path, init);
  const answer = await response.json();
  if (!response.ok) {
    const issues = (answer.issues || []).map(({ path, message }) => path + ' ' + message);
    throw new Error([answer.messages, ...issues].join(' '));
  }
  return answer;
}

async function act(work) {
  try {
    byId('status').textContent = (await work()) || '';
  } catch (error) {
    byId('status').textContent = words.failed + ': ' + error.message;
  }
  await refresh();
}

function button(text, key, work) {
  const element = document.createElement('button');
  element.type = 'button';
  element.textContent = text;
  element.dataset.key = key;
  element.addEventListener('click', () => act(work));
  return element;
}

function code(value) {
  const element = document.createElement('code');
  element.textContent = typeof value === 'string' ? value : JSON.stringify(value);
  return element;
}

function fill(id, rows) {
  const body = byId(id);
  body.replaceChildren(
    ...rows.map((cells) => {
      const row = document.createElement('tr');
      for (const cell of cells) {
        const place = document.createElement('td');
        place.append(...[cell].flat());
        row.append(place);
      }
      return row;
    }),
  );
}

const time = (text) => new Date(text).toLocaleTimeString();

function show(state) {
  aheadMs = state.clock.aheadMs;
  byId('apps').textContent = state.apps.map(({ appid }) => appid).join(', ');
  byId('ahead').textContent = aheadMs === 0 ? '' : (aheadMs > 0 ? '+' : '') + Math.round(aheadMs / 1000) + ' s';
  fill('users', state.users.map(({ user, openids, phone, profile, blocked }) => {
    const path = '/users/' + encodeURIComponent(user);
    const change = (settings) => async () => void (await call('PUT', path, settings));
    return [
      user,
      Object.values(openids).map(code),
      phone,
      profile + (blocked ? ', 40226' : ''),
      [
        button(words.login, 'login ' + user, () => login(user)),
        button(blocked ? words.unblock : words.block, 'block ' + user, change({ blocked: !blocked })),
        profile === 'named'
          ? button(words.anonymous, 'profile ' + user, change({ profile: 'anonymous' }))
          : button(words.named, 'profile ' + user, change({ profile: 'named' })),
        button(words.rotate, 'rotate ' + user, async () => {
          await call('DELETE', '/sessions/' + encodeURIComponent(user));
        }),
      ],
    ];
  }));
  fill('codes', state.codes.map((each) => [
    each.for,
    code(each.code),
    each.user,
    time(each.expiresAt) + (each.used ? ', ' + words.used : ''),
  ]));
  fill('tokens', state.tokens.map((each) => [code(each.token), each.appid, each.kind, time(each.expiresAt)]));
  fill('faults', state.faults.map(({ endpoint, calls, ...fault }) => [
    endpoint,
    code(fault),
    String(calls || words.forever),
    button(words.clear, 'clear ' + endpoint, async () => {
      await call('DELETE', '/faults/' + encodeURIComponent(endpoint));
    }),
  ]));
  byId('counts').textContent = Object.entries(state.calls.counts).map((count) => count.join(': ')).join(', ') || words.none;
  fill('calls', state.calls.last.map((each) => [
    time(each.at),
    each.method + ' ' + each.endpoint,
    String(each.status || '–'),
    code(each.body === undefined ? each.query : { ...each.query, body: each.body }),
    code(each.answer),
  ]));
  fill('pushes', state.pushes.map((each) => [
    time(each.at),
    each.message.Event,
    each.state,
    code(each.attempts),
  ]));
}

async function refresh() {
  const state = await call('GET', '/state').catch(() => undefined);
  if (!state) return;
  byId('now').textContent = new Date(state.clock.now).toLocaleString();
  const { clock, ...rest } = state;
  const text = JSON.stringify([clock.aheadMs, rest]);
  if (text === shown) return;
  shown = text;
  const key = document.activeElement && document.activeElement.dataset.key;
  show(state);
  // The button that had the focus is a new one now.
  if (key) for (const again of document.querySelectorAll('[data-key]')) if (again.dataset.key === key) again.focus();
}

async function login(user) {
  const response = await fetch(words.base.replace(/control$/, 'wx/login'), {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ user }),
  });
  const { code: made, messages } = await response.json();
  if (!response.ok) throw new Error(messages);
  return user + ': ' + made;
}

for (const element of document.querySelectorAll('[data-advance]'))
  element.addEventListener('click', () =>
    act(async () => void (await call('POST', '/clock', { advanceMs: Number(element.dataset.advance) }))),
  );
byId('realtime').addEventListener('click', () =>
  act(async () => void (await call('POST', '/clock', { advanceMs: -aheadMs }))),
);
byId('reset').addEventListener('click', () => act(async () => void (await call('DELETE', '/state'))));
byId('end-tokens').addEventListener('click', () => act(async () => void (await call('DELETE', '/tokens'))));
byId('user-form').addEventListener('submit', (event) => {
  event.preventDefault();
  const form = event.target;
  act(async () => {
    const said = await login(form.elements.user.value);
    form.reset();
    return said;
  });
});
byId('fault-form').addEventListener('submit', (event) => {
  event.preventDefault();
  const { endpoint, fault, calls } = event.target.elements;
  const limit = calls.value === '' ? {} : { calls: Number(calls.value) };
  act(async () => void (await call('POST', '/faults', { endpoint: endpoint.value, ...JSON.parse(fault.value), ...limit })));
});

refresh();
setInterval(() => document.hidden || refresh(), 2000);
`;
