import { ask, portrait } from '../dialogs.ts';
import { person } from '../person.ts';
import { who } from '../phone.ts';
import { askSandbox } from '../sandbox.ts';
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
  login: api('login', () => askSandbox<{ code: string }>('POST', '/wx/login', { user: who.user }), {
    told: true,
  }),

  /** Our choice: for a user with a name it asks every time, as WeChat did while it gave names; the anonymous profile is given unasked, as today. */
  getUserProfile: api('getUserProfile', getUserProfile, { told: true }),
};

async function getUserProfile({ desc }: { desc?: string }): Promise<Profile> {
  if (!desc) throw new Error('desc is required');
  if (!inTap()) throw new Error('can only be invoked by user TAP gesture.');
  const { nickName, avatarUrl, isAnonymous } = await person();
  const allowed =
    isAnonymous ||
    (await ask({
      form: 'sheet',
      title: '申请获取你的昵称、头像',
      content: `${nickName}\n${desc}`,
      picture: portrait(avatarUrl),
      choices: [
        { text: '拒绝', value: false },
        { text: '允许', value: true, isPrimary: true },
      ],
      otherwise: false,
    }));
  if (!allowed) throw new Error('auth deny');
  return askSandbox<Profile>('POST', '/wx/getUserProfile', { user: who.user });
}
