import { isIPv4 } from 'node:net';

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

/** What a person calls the device of a User-Agent: `iPhone · WeChat 8.0.50`. */
export function deviceOf(userAgent = ''): string {
  const system = SYSTEMS.flatMap(([pattern, name]) => {
    const match = pattern.exec(userAgent);
    return match ? [name.replace('$1', match[1] ?? '')] : [];
  })[0];
  const wechat = /MicroMessenger\/([\d.]+)/.exec(userAgent)?.[1];
  const said = [system, wechat && `WeChat ${wechat}`].filter(Boolean).join(' · ');
  return (said || 'unknown').slice(0, 100);
}

/** The network of an address, for a person to recognize: `203.0.113.*`, `2001:db8:1:*`. */
export function placeOf(address = ''): string {
  const plain = address.replace(/^::ffff:/i, '');
  if (isIPv4(plain)) return plain.replace(/\.\d+$/, '.*');
  const groups = plain.split('::')[0]?.split(':').filter(Boolean).slice(0, 3) ?? [];
  return groups.length > 0 ? `${groups.join(':')}:*` : 'unknown';
}
