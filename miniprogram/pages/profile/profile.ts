import { act, type Failure, failure } from '../../act.js';
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
    const { nickName = '' } = detail.value;
    if (!nickName.trim()) return this.setData(failure('请输入昵称'));
    return act(this, async () => {
      const change = { url: '/api/wxuser/me', method: 'PUT', data: { nickName } } as const;
      const { user } = await session.request<{ user: User }>(change);
      this.setData({ nickName: user.nickName ?? '' });
      wx.showToast({ title: '昵称已保存', icon: 'success' });
    });
  },

  onGetPhoneNumber({ detail }: WechatMiniprogram.ButtonGetPhoneNumber) {
    const { code } = detail;
    if (!code) return this.setData(failure(refusalOf(detail)));
    return act(this, async () => {
      const sent = { url: '/api/wxuser/me/phone', method: 'POST', data: { code } } as const;
      const { phone } = await session.request<{ phone: string }>(sent);
      this.setData({ phone });
      wx.showToast({ title: '手机号已绑定', icon: 'success' });
    });
  },
});

/**
 * Why WeChat gave no phone number.
 * @see https://developers.weixin.qq.com/miniprogram/dev/framework/open-ability/getPhoneNumber.html
 */
function refusalOf({ errMsg, errno }: { errMsg: string; errno?: number }): string {
  if (errno === 1400001) return '手机号验证次数已用完，请联系开发者';
  if (errno === 112) return '《用户隐私保护指引》中没有声明手机号，请联系开发者';
  return /deny|denied|cancel|not authorized/.test(errMsg) ? '你取消了授权' : `无法获取手机号：${errMsg}`;
}
