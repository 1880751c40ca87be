import { isIPv4 } from 'node:net';
import { parseAddress } from '../ip-address.ts';

const SYSTEMS: readonly [RegExp, string][] = [
  [/wechatdevtools/i, 'DevTools'],
  [/iPhone/, 'iPhone'],
  [/iPad/, 'iPad'],
  [/Android [\d.]+; ([^;)]+?)(?: Build|[;)])/, '$1'],
  [/Android/, 'Android'],
  [/OpenHarmony|HarmonyOS/i, 'HarmonyOS'],
  [/Macintosh/, 'Mac'],
  [/Windows/, 'Windows'],
  [/Linux/, 'Linux'],
];

/** WeChat's are half as long. */
const MAX_USER_AGENT = 800;

/** What a person calls the device of a User-Agent: `iPhone · WeChat 8.0.50`. */
export function deviceOf(header = ''): string {
  const userAgent = header.slice(0, MAX_USER_AGENT);
  const system = SYSTEMS.flatMap(([pattern, name]) => {
    const match = pattern.exec(userAgent);
    return match ? [name.replace('$1', match[1] ?? '')] : [];
  })[0];
  const wechat = /MicroMessenger\/([\d.]+)/.exec(userAgent)?.[1];
  const said = [system, wechat && `WeChat ${wechat}`].filter(Boolean).join(' · ');
  return (said || 'unknown').slice(0, 100);
}

/** The network of an address, for a person to recognize: `203.0.113.*`, `2001:db8:1:*`. */
export function placeOf(text = ''): string {
  const address = parseAddress(text) ?? '';
  if (isIPv4(address)) return address.replace(/\.\d+$/, '.*');
  const groups = address.split('::')[0]?.split(':').filter(Boolean).slice(0, 3) ?? [];
  return groups.length > 0 ? `${groups.join(':')}:*` : 'unknown';
}
