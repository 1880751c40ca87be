import { act, confirmed, type Failure, load } from '../../act.js';
import { SessionError } from '../../session/index.js';
import { session } from '../../session.js';

interface Device {
  readonly id: string;
  readonly device: string;
  readonly place: string;
  readonly lastUsedAt: string;
  readonly current: boolean;
}

Page({
  data: { devices: [] as Device[], busy: false, failure: null as Failure | null },

  onShow() {
    return load(this, () => this.list());
  },

  async list() {
    const { sessions } = await session.request<{ sessions: Device[] }>({ url: '/api/wxuser/sessions' });
    const shown = sessions.map((each) => ({ ...each, lastUsedAt: timeOf(each.lastUsedAt) }));
    this.setData({ devices: shown });
  },

  onEnd({ currentTarget }: WechatMiniprogram.BaseEvent) {
    const { id } = currentTarget.dataset as { id: string };
    return act(this, async () => {
      if (!(await confirmed('下线设备', '这台设备上需要重新登录。', '下线'))) return;
      await session.request({ url: `/api/wxuser/sessions/${id}`, method: 'DELETE' }).catch(unlessGone);
      await this.list();
    });
  },

  onEndAll() {
    return act(this, async () => {
      if (!(await confirmed('退出所有设备', '包括这台手机。', '退出'))) return;
      await session.logout({ all: true });
      wx.navigateBack();
    });
  },
});

/** It had ended by itself meanwhile. */
function unlessGone(error: unknown): void {
  if (!(error instanceof SessionError) || error.status !== 404) throw error;
}

/** `11-28 09:05`, as it is here. */
function timeOf(iso: string): string {
  const at = new Date(iso);
  const [month, day, hour, minute] = [at.getMonth() + 1, at.getDate(), at.getHours(), at.getMinutes()].map(
    (part) => `0${part}`.slice(-2),
  );
  return `${month}-${day} ${hour}:${minute}`;
}
