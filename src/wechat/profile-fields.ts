import { BlockList, isIP } from 'node:net';
import { z } from 'zod';
import { rule } from '../issues.ts';
import { showsSomething, visible } from './visible.ts';

/** What WeChat calls a user who has not said who he is. */
export const ANONYMOUS_NAME = '微信用户';

const MAX_NICKNAME = 64;
const MAX_AVATAR = 512;

/** The name a user shows: 1 to 64 characters. Controls and what else is invisible in it, and blanks around it, are taken away. */
export const nickName = z.string().check(
  z.overwrite(visible),
  z.trim(),
  rule(showsSomething, { zh: '不能为空', en: 'must not be empty' }),
  rule((name) => [...name].length <= MAX_NICKNAME, {
    zh: `最多 ${MAX_NICKNAME} 个字符`,
    en: `must have at most ${MAX_NICKNAME} characters`,
  }),
);

/**
 * The address of a picture that any browser can load: http(s), a public host, at most 512 characters.
 * @param isOurs takes an address that we gave, which the developer chose: in the sandbox it is on loopback
 */
export const avatarAt = (isOurs: (url: string) => boolean) =>
  z.string().check(
    rule((url) => url.length <= MAX_AVATAR, {
      zh: `最多 ${MAX_AVATAR} 个字符`,
      en: `must have at most ${MAX_AVATAR} characters`,
    }),
    rule((url) => isOurs(url) || isPublicUrl(url), {
      zh: '必须是公网可访问的 http(s) 地址；chooseAvatar 的临时路径须先上传（POST /api/wxuser/me/avatar）',
      en: "must be a public http(s) URL; chooseAvatar's temporary path lives on the device only: upload it first (POST /api/wxuser/me/avatar)",
    }),
  );

/** Likewise, when WeChat or a client says it. */
export const avatar = avatarAt(() => false);

/** 0 unknown, 1 male, 2 female. */
export const gender = z.literal([0, 1, 2]);

/** Addresses that only mean something inside one machine or network. */
const privateAddresses = new BlockList();
for (const [network, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['224.0.0.0', 3],
] as const) {
  privateAddresses.addSubnet(network, prefix, 'ipv4');
}

/** DevTools gives temporary paths as `http://tmp/…` and `http://127.0.0.1:<port>/__tmp__/…`. */
function isPublicUrl(text: string): boolean {
  // What a URL parser would mend silently is refused: the text is stored as it came.
  if (!/^https?:\/\/[^\p{C}\s"'<>\\^`{|}]+$/u.test(text)) return false;
  const url = URL.canParse(text) ? new URL(text) : undefined; // URL.parse is younger than Node 20
  if (!url || url.username || url.password) return false;
  const host = url.hostname;
  if (isIP(host) === 4) return !privateAddresses.check(host);
  // An IPv6 literal has brackets here. No picture host needs one.
  return (
    /\.[a-z][a-z0-9-]*$/i.test(host) && !/\.(?:local|localhost|internal|lan|home|test|invalid)$/i.test(host)
  );
}
