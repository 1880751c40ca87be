import type { Bearer } from '../auth/tokens.ts';
import type { Avatars } from '../avatars/avatars.ts';
import type { PictureCheck, PictureChecks } from '../db/picture-checks.ts';
import type { Users } from '../db/users.ts';
import { AppError, catalogue } from '../errors.ts';
import type { Logger } from '../log.ts';
import { type Apps, wechatOf } from '../wechat/apps.ts';
import type { MediaCheck } from '../wechat/messages.ts';

export type Author = Pick<Bearer, 'id' | 'appid' | 'openid'>;

/** What stands between the names and pictures that users choose and the rows that show them. */
export interface ContentCheck {
  /** @throws {AppError} `content_rejected`, or why WeChat could not be asked */
  checkName(author: Author, nickName: string): Promise<void>;
  /**
   * Has a picture's URL stored once WeChat has been asked about it; the verdict comes later.
   * @throws {AppError} why WeChat could not be asked: nothing was stored then
   */
  checkAvatar<Stored>(author: Author, url: string, store: () => Promise<Stored>): Promise<Stored>;
  /** Told the verdict on a picture; may be told twice. */
  mediaChecked(check: MediaCheck): Promise<void>;
}

interface Needs {
  readonly apps: Apps;
  readonly users: Users;
  readonly avatars: Avatars;
  readonly checks: PictureChecks;
  readonly log: Logger;
}

/** Without `WX_CONTENT_CHECK`: everything is taken. */
export const UNCHECKED: ContentCheck = {
  checkName: async () => undefined,
  checkAvatar: (_author, _url, store) => store(),
  mediaChecked: async () => undefined,
};

/** With it: WeChat is asked, and what it finds risky does not stay. */
export function checkingContent({ apps, users, avatars, checks, log }: Needs): ContentCheck {
  return {
    async checkName({ id, appid, openid }, nickName) {
      const text = { content: nickName, openid, scene: 'profile' } as const;
      const { suggest, label, traceId } = await wechatOf(apps, appid).msgSecCheck(text);
      if (suggest === 'risky') {
        throw new AppError('content_rejected', {
          issues: [{ path: 'nickName', message: catalogue.content_rejected }],
          reason: `WeChat finds the name risky (label ${label}, trace_id ${traceId})`,
        });
      }
      if (suggest === 'review') log.warn({ user: id, label, trace_id: traceId }, 'a nickname wants a look');
    },

    async checkAvatar({ id, appid, openid }, url, store) {
      const picture = { mediaUrl: url, openid, scene: 'profile' } as const;
      const traceId = await wechatOf(apps, appid).mediaCheckAsync(picture);
      await checks.asked(traceId, id, url);
      const stored = await store();
      // A verdict that was faster found nothing to remove in the row.
      await act(traceId, await checks.find(traceId));
      return stored;
    },

    async mediaChecked({ trace_id, errcode, result = { suggest: 'failed', label: errcode } }) {
      await act(trace_id, await checks.answered(trace_id, result));
    },
  };

  async function act(traceId: string, check: PictureCheck | undefined): Promise<void> {
    if (!check?.verdict || check.verdict.suggest === 'pass') return;
    const { userId, avatar } = check;
    const { suggest, label } = check.verdict;
    const user = await users.findById(userId);
    if (!user) return;
    const line = { user: userId, label, trace_id: traceId };
    if (suggest === 'risky') {
      if (await users.dropAvatar(userId, avatar)) log.warn(line, 'a picture was risky and is removed');
      // Whatever the row has by now: WeChat's repetition comes here again if the store was away.
      await avatars.remove(user, avatar);
    } else if (user.avatar === avatar) {
      log.warn(line, suggest === 'review' ? 'a picture wants a look' : 'WeChat could not check a picture');
    }
  }
}
