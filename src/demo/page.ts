/**
 * The page at `/`: its script is preview/page/.
 * @param say picks the reader's language
 */
export function page(say: (zh: string, en: string) => string): string {
  const button = (id: string, text: string, help: string, pressed = '') =>
    `<div class="tool"><button type="button" id="${id}" aria-describedby="${id}-help"${pressed}>${text}</button><p id="${id}-help">${help}</p></div>`;
  const toggle = (id: string, text: string, help: string) => button(id, text, help, ' aria-pressed="false"');

  return `<!doctype html>
<html lang="${say('zh-CN', 'en')}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${say('weapp-login 沙箱', 'weapp-login sandbox')}</title>
<link rel="icon" href="/sandbox/demo/images/logo.png">
<link rel="stylesheet" href="/sandbox/demo/page.css">
<script src="/sandbox/demo/page.js" defer></script>
</head>
<body>
<header>
<img src="/sandbox/demo/images/logo.png" alt="" width="40" height="40">
<div>
<h1>weapp-login</h1>
<p>${say('左边是小程序，右边是服务器看到的。微信是本地的：任何人都可以是任何人。', 'The mini program on the left, what the server sees on the right. WeChat is a local one: anyone can be anyone.')}</p>
</div>
<nav><a href="/sandbox/control">${say('本地微信的控制台', "The local WeChat's console")}</a></nav>
</header>
<noscript><p>${say('这个页面需要 JavaScript。', 'This page needs JavaScript.')}</p></noscript>
<main>
<section class="phone" aria-labelledby="h-phone">
<h2 id="h-phone">${say('手机', 'The phone')}</h2>
<form id="who">
<label for="user">${say('这是谁的手机', 'Whose phone it is')}</label>
<input id="user" name="user" required maxlength="64" autocomplete="off" list="users"><datalist id="users"></datalist>
<button>${say('换人', 'change')}</button>
</form>
<iframe id="frame" title="${say('小程序', 'The mini program')}"></iframe>
<p><a id="other" target="_blank">${say('打开此人的另一台手机', 'Open another phone of the same user')}</a></p>
</section>

<section class="world" aria-labelledby="h-world">
<h2 id="h-world">${say('动手试试', 'Play with the world')}</h2>
<p id="server" class="problem" role="status"></p>
<p id="status" class="problem" role="status"></p>
<div class="group">
<h3 id="h-wechat">${say('微信', 'WeChat')}</h3>
<div class="choice" role="group" aria-labelledby="h-wechat">
<button type="button" id="normal" aria-pressed="true">${say('正常', 'works')}</button>
<button type="button" id="busy" aria-pressed="false">${say('繁忙 (-1)', 'is busy (-1)')}</button>
<button type="button" id="down" aria-pressed="false">${say('连不上', 'is down')}</button>
</div>
</div>
<div class="group">
<h3>${say('用户', 'The user')}</h3>
<div class="tools">
${toggle('anonymous', say('匿名资料', 'anonymous'), say('微信只给出「微信用户」和灰色头像，如今天的新小程序', 'The profile is <span lang="zh-CN">微信用户</span> and a grey picture, as new mini programs get it today'))}
${button('rotate', say('换 session_key', 'new session_key'), say('旧的加密资料无法再解密；这个小程序先调用 wx.login，不受影响', 'Older encrypted data is lost; not here, where wx.login comes first'))}
${toggle('ban', say('封禁', 'ban'), say('下一个请求就会被拒绝', 'The next request is refused'))}
</div>
</div>
<div class="group">
<h3>${say('登录', 'The login')}</h3>
<div class="tools">
${button('expire', say('让 token 过期', 'expire the token'), say('小程序会悄悄重新登录，只登录一次', 'The mini program logs in again by itself, once'))}
${button('requests', say('同时发十个请求', 'ten requests'), say('token 过期时也只登录一次', 'At once; with an expired token, one login for all of them'))}
${button('uninstall', say('删除小程序', 'delete it'), say('手机忘记 token，服务器上的会话还在', 'The phone forgets its token; its session stays'))}
</div>
</div>
</section>

<section class="story" aria-labelledby="h-story">
<h2 id="h-story">${say('发生了什么', 'What happens')}</h2>
<div id="story" role="log" aria-live="off" aria-labelledby="h-story" tabindex="0"></div>
<p id="announcement" class="unseen" role="status"></p>
<p id="nothing">${say('在手机里点「微信登录」。', 'Tap <span lang="zh-CN">微信登录</span> on the phone.')}</p>
</section>

<section class="state" aria-labelledby="h-token">
<h2 id="h-token">token</h2>
<p id="life"></p>
<dl id="claims" aria-labelledby="h-token"></dl>
<h2 id="h-row">${say('数据库里的 <code>wxuser</code> 行', 'The <code>wxuser</code> row')}</h2>
<dl id="row" aria-labelledby="h-row" data-empty="${say('没有：还没有登录过', 'None: nobody has logged in yet')}"></dl>
<h2 id="h-sessions">${say('会话', 'Sessions')}</h2>
<ul id="sessions" aria-labelledby="h-sessions" data-empty="${say('没有', 'None')}"></ul>
</section>
</main>
</body>
</html>
`;
}
