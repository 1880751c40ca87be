import { act, confirmed, type Failure } from '../../act.js';
import type { User } from '../../session/index.js';
import { session } from '../../session.js';

Page({
  data: { user: null as User | null, busy: false, failure: null as Failure | null },

  onShow() {
    this.setData({ user: session.user ?? null });
    if (session.user) void this.refresh();
    // Before the tap: a wx.login after getUserProfile could change the key that its data is encrypted with.
    else void session.prepareProfileLogin();
  },

  refresh() {
    return act(this, async () => {
      const { user } = await session.request<{ user: User }>({ url: '/api/wxuser/me' });
      this.setData({ user });
    });
  },

  onLogin() {
    return act(this, async () => {
      this.setData({ user: await session.loginWithProfile('用于显示你的头像和昵称') });
      wx.showToast({ title: '登录成功', icon: 'success' });
    });
  },

  onLogout() {
    return act(this, async () => {
      await session.logout();
      this.setData({ user: null });
    });
  },

  onErase() {
    return act(this, async () => {
      const content = '你的资料、头像和登录记录都会被删除，无法恢复。';
      if (!(await confirmed('注销账号', content, '注销'))) return;
      await session.request({ url: '/api/wxuser/me', method: 'DELETE' });
      await session.logout();
      this.setData({ user: null });
      wx.showToast({ title: '账号已注销', icon: 'success' });
    });
  },
});
