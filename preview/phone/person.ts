import { who } from './phone.ts';
import { askSandbox } from './sandbox.ts';

interface Known {
  readonly user: string;
  readonly nickName?: string;
  readonly avatarUrl?: string;
  readonly phone: string;
}

/** Who holds the phone, as he is known to WeChat itself, whatever it tells mini programs. */
export interface Person {
  readonly nickName: string;
  readonly phone: string;
  readonly avatarUrl: string;
  /** WeChat tells mini programs nothing of him. */
  readonly isAnonymous: boolean;
}

/** Asks the local WeChat who holds the phone. */
export async function person(): Promise<Person> {
  const { userInfo } = await askSandbox<{ userInfo: { avatarUrl: string; is_demote?: true } }>(
    'POST',
    '/wx/getUserInfo',
    { user: who.user },
  );
  // By now he is known there.
  const known = (await askSandbox<Known[]>('GET', '/control/users')).find((each) => each.user === who.user);
  // Somebody whom WeChat shows as anonymous has a picture all the same. Our choice: one made of his name.
  const picture = `https://thirdwx.qlogo.cn/mmopen/vi_32/${encodeURIComponent(who.user)}/132`;
  return {
    nickName: known?.nickName ?? who.user,
    phone: known?.phone ?? '',
    isAnonymous: userInfo.is_demote === true,
    avatarUrl: known?.avatarUrl ?? (userInfo.is_demote ? picture : userInfo.avatarUrl),
  };
}
