import { endpointName } from '../faults.ts';

/** The common faults: what the menu says, and what is sent. */
const FAULTS: readonly [string, object][] = [
  ['-1 system error', { errcode: -1 }],
  ['40029 invalid code', { errcode: 40029 }],
  ['40163 code been used', { errcode: 40163 }],
  ['40226 code blocked', { errcode: 40226 }],
  ['40001 access_token', { errcode: 40001 }],
  ['40013 appid', { errcode: 40013 }],
  ['40125 appsecret', { errcode: 40125 }],
  ['40164 IP', { errcode: 40164 }],
  ['45009 daily quota', { errcode: 45009 }],
  ['45011 minute quota', { errcode: 45011 }],
  ['HTTP 502', { status: 502 }],
  ['garbage', { garbage: true }],
  ['hang', { hang: true }],
  ['cut', { cut: true }],
  ['cut, after it took effect', { cut: true, after: true }],
  ['3 s late', { delayMs: 3000 }],
];

/**
 * The control page.
 * @param base where the control API is, such as `/sandbox/control`
 * @param say picks the reader's language
 */
export function page(base: string, say: (zh: string, en: string) => string): string {
  const [users, codes, tokens] = [say('用户', 'Users'), say('code', 'Codes'), 'access_token'];
  const [faults, calls] = [say('故障', 'Faults'), say('最近的请求', 'Last requests')];
  const table = (id: string, ...heads: string[]) =>
    `<table><thead><tr>${heads.map((head) => `<th scope="col">${head}</th>`).join('')}</tr></thead><tbody id="${id}"></tbody></table>`;
  const options = (entries: readonly (readonly [string, string])[]) =>
    entries
      .map(([text, value]) => `<option value="${escapeHtml(value)}">${escapeHtml(text)}</option>`)
      .join('');
  const endpoints: [string, string][] = [
    [say('所有接口', 'every endpoint'), '*'],
    ...endpointName.options.map((name): [string, string] => [name, name]),
  ];

  return `<!doctype html>
<html lang="${say('zh-CN', 'en')}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${say('本地微信', 'The local WeChat')}</title>
<link rel="stylesheet" href="${escapeHtml(base)}/page.css">
<script src="${escapeHtml(base)}/page.js" defer></script>
</head>
<body data-base="${escapeHtml(base)}" data-none="${say('无', 'none')}" data-block="${say('拦截', 'block')}"
 data-unblock="${say('解除拦截', 'unblock')}" data-anonymous="${say('设为匿名', 'make anonymous')}" data-named="${say('设为具名', 'make named')}"
 data-rotate="${say('更换 session_key', 'new session_key')}" data-login="${say('登录', 'log in')}" data-clear="${say('清除', 'clear')}"
 data-used="${say('已使用', 'used')}" data-forever="${say('直到清除', 'until cleared')}" data-failed="${say('失败', 'failed')}">
<header>
<h1>${say('本地微信', 'The local WeChat')}</h1>
<p>${say('仅供开发：任何人都可以以任何身份登录。', 'For development: anyone can be anyone.')} <span id="apps"></span></p>
<p id="status" role="status"></p>
</header>
<main>
<section aria-labelledby="h-clock"><h2 id="h-clock">${say('时钟', 'Clock')}</h2>
<p><time id="now"></time> <span id="ahead"></span></p>
<p>
<button type="button" data-advance="300001">+5 ${say('分钟', 'min')}</button>
<button type="button" data-advance="7200001">+2 ${say('小时', 'h')}</button>
<button type="button" data-advance="86400000">+1 ${say('天', 'day')}</button>
<button type="button" id="realtime">${say('回到真实时间', 'back to real time')}</button>
<button type="button" id="reset">${say('全部清空', 'forget everything')}</button>
</p></section>
<section aria-labelledby="h-users"><h2 id="h-users">${users}</h2>
<form id="user-form"><label>${say('名字', 'Name')} <input name="user" required maxlength="64"></label>
<button>${say('登录，得到 code', 'log in, for a code')}</button></form>
${table('users', say('名字', 'Name'), 'openid', say('手机号', 'Phone'), say('资料', 'Profile'), '')}</section>
<section aria-labelledby="h-codes"><h2 id="h-codes">${codes}</h2>
${table('codes', say('用途', 'For'), 'code', say('用户', 'User'), say('有效至', 'Until'))}</section>
<section aria-labelledby="h-tokens"><h2 id="h-tokens">${tokens}</h2>
<p><button type="button" id="end-tokens">${say('全部作废', 'end all of them')}</button></p>
${table('tokens', say('开头', 'Start'), 'appid', say('种类', 'Kind'), say('有效至', 'Until'))}</section>
<section aria-labelledby="h-faults"><h2 id="h-faults">${faults}</h2>
<form id="fault-form">
<label>${say('接口', 'Endpoint')} <select name="endpoint">${options(endpoints)}</select></label>
<label>${say('故障', 'Fault')} <select name="fault">${options(FAULTS.map(([text, sent]) => [text, JSON.stringify(sent)]))}</select></label>
<label>${say('次数（空：直到清除）', 'Calls (empty: until cleared)')} <input name="calls" type="number" min="1" value="1"></label>
<button>${say('添加', 'add')}</button></form>
${table('faults', say('接口', 'Endpoint'), say('故障', 'Fault'), say('剩余次数', 'Calls left'), '')}</section>
<section aria-labelledby="h-calls"><h2 id="h-calls">${calls}</h2>
<p id="counts"></p>
${table('calls', say('时间', 'At'), say('接口', 'Endpoint'), 'HTTP', say('请求', 'Request'), say('应答', 'Answer'))}</section>
<section aria-labelledby="h-pushes"><h2 id="h-pushes">${say('消息推送', 'Message push')}</h2>
${table('pushes', say('时间', 'At'), say('事件', 'Event'), say('状态', 'State'), say('尝试', 'Attempts'))}</section>
</main>
</body>
</html>
`;
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
}
