import { act, type Failure } from '../../act.js';
import type { User } from '../../session/index.js';
import { session } from '../../session.js';

interface Stored {
  readonly wxuser: {
    readonly nickName: string | null;
    readonly avatar: string | null;
    readonly phone: string | null;
  };
}

Page({
  data: { nickName: '', avatar: '', phone: '', busy: false, failure: null as Failure | null },

  onLoad() {
    return act(this, async () => {
      const { wxuser } = await session.request<Stored>({ url: '/api/wxuser/me/export' });
      const { nickName, avatar, phone } = wxuser;
      this.setData({ nickName: nickName ?? '', avatar: avatar ?? '', phone: phone ?? '' });
    });
  },

  /** chooseAvatar gives a path that only this phone knows: it has to be uploaded. */
  onChooseAvatar({ detail }: WechatMiniprogram.CustomEvent<{ avatarUrl: string }>) {
    return act(this, async () => {
      const picture = { url: '/api/wxuser/me/avatar', filePath: detail.avatarUrl };
      const { user } = await session.upload<{ user: User }>(picture);
      this.setData({ avatar: user.avatar ?? '' });
      wx.showToast({ title: '头像已更新', icon: 'success' });
    });
  },

  /** WeChat looks at a nickname when it loses the focus, and may empty the field: a form has what is left. */
  onSave({ detail }: WechatMiniprogram.FormSubmit<Record<string, string>>) {
    return act(this, async () => {
      const data = { nickName: detail.value['nickName'] };
      const { user } = await session.request<{ user: User }>({ url: '/api/wxuser/me', method: 'PUT', data });
      this.setData({ nickName: user.nickName ?? '' });
      wx.showToast({ title: '昵称已保存', icon: 'success' });
    });
  },

  onGetPhoneNumber({ detail }: WechatMiniprogram.ButtonGetPhoneNumber) {
    const { code, errMsg } = detail;
    if (!code) return this.setData({ failure: { messages: refusalOf(errMsg), requestId: '' } });
    return act(this, async () => {
      const data = { code };
      const { phone } = await session.request<{ phone: string }>({
        url: '/api/wxuser/me/phone',
        method: 'POST',
        data,
      });
      this.setData({ phone });
      wx.showToast({ title: '手机号已绑定', icon: 'success' });
    });
  },
});

function refusalOf(errMsg: string): string {
  return /deny/.test(errMsg) ? '你取消了授权' : `无法获取手机号：${errMsg}`;
}
