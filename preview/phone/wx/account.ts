import { ask } from '../dialogs.ts';
import { portrait } from '../open-types.ts';
import { person } from '../person.ts';
import { askSandbox, user } from '../phone.ts';
import { inTap } from '../tap.ts';
import { api } from './api.ts';

interface Profile {
  readonly userInfo: object;
  readonly rawData: string;
  readonly signature: string;
  readonly encryptedData: string;
  readonly iv: string;
}

/** Who the user is: asked of the local WeChat. */
export const account = {
  login: api('login', () => askSandbox<{ code: string }>('POST', '/wx/login', { user }), { told: true }),

  /** Our choice: it asks every time, as WeChat did while it gave names; today it gives the anonymous profile unasked. */
  getUserProfile: api('getUserProfile', getUserProfile, { told: true }),
};

async function getUserProfile({ desc }: { desc?: string }): Promise<Profile> {
  if (!desc) throw new Error('desc is required');
  if (!inTap()) throw new Error('can only be invoked by user TAP gesture.');
  const { nickName, avatarUrl } = await person();
  const allowed = await ask({
    form: 'sheet',
    title: '申请获取你的昵称、头像',
    content: `${nickName}\n${desc}`,
    picture: portrait(avatarUrl),
    choices: [
      { text: '拒绝', value: false },
      { text: '允许', value: true, look: 'primary' },
    ],
    otherwise: false,
  });
  if (!allowed) throw new Error('auth deny');
  return askSandbox<Profile>('POST', '/wx/getUserProfile', { user });
}
