import { digest } from './identities.ts';

export interface UserInfo {
  readonly nickName: string;
  readonly gender: number;
  readonly language: string;
  readonly city: string;
  readonly province: string;
  readonly country: string;
  readonly avatarUrl: string;
  readonly is_demote?: true;
}

/** What every new mini program gets since 2022-11-08. */
export const ANONYMOUS: UserInfo = {
  nickName: '微信用户',
  gender: 0,
  language: '',
  city: '',
  province: '',
  country: '',
  avatarUrl:
    'https://thirdwx.qlogo.cn/mmopen/vi_32/POgEwh4mIHO4nibH0KlMECNjjGxQUq24ZEaGT4poC6icRiccVGKSyXwibcPq4BWmiaIGuG1icwxaQX6grC9VemZoJ8rg/132',
  is_demote: true,
};

/** An old-style profile, as WeChat gave before it made them anonymous. */
export function named(user: string): UserInfo {
  const hash = digest(`avatar:${user}`);
  return {
    nickName: user,
    gender: 1 + ((hash[0] ?? 0) % 2),
    language: 'zh_CN',
    city: 'Guangzhou',
    province: 'Guangdong',
    country: 'China',
    avatarUrl: `https://thirdwx.qlogo.cn/mmopen/vi_32/${hash.toString('hex')}/132`,
  };
}
