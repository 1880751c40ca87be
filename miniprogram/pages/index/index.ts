import { act, confirmed, type Failure, failure, load } from '../../act.js';
import { SessionError, type User } from '../../session/index.js';
import { session } from '../../session.js';

Page({
  data: { user: null as User | null, busy: false, failure: null as Failure | null },

  onShow() {
    this.showWhoIsLoggedIn();
    if (session.user) void this.refresh();
    // Before the tap: a wx.login after getUserProfile could change the key that its data is encrypted with.
    else void session.prepareProfileLogin();
  },

  async refresh() {
    await load(this, async () => {
      const answer = await session.request<{ user: User }>({ url: '/api/wxuser/me' }).catch(unlessLoggedOut);
      if (answer) this.setData({ user: answer.user });
    });
    this.showWhoIsLoggedIn();
  },

  /** The session knows him as he was at his login: of the same user, what the server said last is newer. */
  showWhoIsLoggedIn() {
    const { user } = session;
    if (user?.id !== this.data.user?.id) this.setData({ user: user ?? null });
  },

  onLogin() {
    return act(this, async () => {
      this.setData({ user: await session.loginWithProfile('用于显示你的头像和昵称') });
      wx.showToast({ title: '登录成功', icon: 'success' });
    });
  },

  onLogout() {
    return act(this, async () => {
      const isEnded = await session.logout();
      this.showWhoIsLoggedIn();
      if (!isEnded) this.setData(failure('已在这台手机上退出，但没有联系上服务器'));
    });
  },

  onErase() {
    return act(this, async () => {
      if (!(await confirmed('注销账号', '你的资料、头像和登录记录都会被删除，无法恢复。', '注销'))) return;
      try {
        await session.erase();
      } finally {
        this.showWhoIsLoggedIn();
      }
      wx.showToast({ title: '账号已注销', icon: 'success' });
    });
  },
});

/** Who logs out while it is on its way wants no answer. */
function unlessLoggedOut(error: unknown): undefined {
  if (!(error instanceof SessionError) || error.code !== 'logged_out') throw error;
}
