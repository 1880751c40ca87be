import { editDistance } from './edit-distance.ts';

export interface Names {
  /** Every setting. */
  readonly settings: readonly string[];
  /** Other names of a setting, which are read too. */
  readonly aliases: Readonly<Record<string, string>>;
  /** Whether a setting is given, under whatever name, or another one in its place. */
  readonly isGiven: (setting: string) => boolean;
  /** The names that stand in a file which is written for us, and not only in the environment of the process. */
  readonly inFile: readonly string[];
}

/** How names begin of which other programs have some too: only a slip of the finger is taken for one of ours. */
const SHARED = /^(?:HOST|PORT|NODE|LOG|MYSQL|REDIS|DATABASE|PUBLIC|SESSION)(?:_|$)/;
/** Others do write LOGLEVEL and MYSQLHOST, and nobody becomes anybody by it. */
const HARMLESS = /^(?:LOG|MYSQL)_/;
/** What other programs and tutorials call the AppID and the AppSecret of a mini program. */
const APP_OF_WECHAT =
  /^(?:(?:WECHAT|WEIXIN|WEAPP|WXAPP|MINI_?APP|MINI_?PROGRAM|MP)_?){1,2}(?:APP_?ID|(?:APP_?)?SECRET|APP_?KEY)$|^APP_?(?:ID|SECRET)$/i;
const LONG = 10;
const SHORT = 8;

const IF_OURS =
  'if it is of the mini program that this server is for, name it WX_APPID (and its AppSecret WX_SECRET), else real users meet a sandbox';

/** Names that look like a setting and are none: those that must be put right before a start, and those that are only said. */
export function unknownSettings(
  given: readonly string[],
  names: Names,
): { problems: string[]; warnings: string[] } {
  const problems: string[] = [];
  const warnings: string[] = [];
  const known = new Map([
    ...names.settings.map((name) => [name, name] as const),
    ...Object.entries(names.aliases),
  ]);
  for (const name of given.filter((each) => !known.has(each))) {
    const written = [...known.keys()].find((candidate) => isMisspelt(name, candidate));
    const meant = written === undefined ? undefined : known.get(written);
    if (meant !== undefined && !HARMLESS.test(meant) && !names.isGiven(meant))
      problems.push(`${name} is no setting: ${meant} is meant, and it is not set`);
    else if (APP_OF_WECHAT.test(name) && !names.isGiven('WX_APPID'))
      warnings.push(`${name} is no setting of this server, and WX_APPID is not set: ${IF_OURS}`);
    else if (meant !== undefined || looksLikeOurs(name, names)) {
      const near = meant ?? nearest(name, names.settings);
      warnings.push(`${name} is no setting and has no effect${near ? `: the nearest name is ${near}` : ''}`);
    }
  }
  return { problems, warnings };
}

function isMisspelt(name: string, setting: string): boolean {
  const upper = name.toUpperCase();
  if (setting.includes('_') && fold(upper) === fold(setting)) return true;
  if (setting.length < SHORT || Math.abs(upper.length - setting.length) > 2) return false;
  const slips = editDistance(upper, setting);
  if (!SHARED.test(setting)) return slips <= (setting.length < LONG ? 1 : 2);
  // REDIS_URI and MYSQL_HOME are names of others; DATABASE_ULR is nobody's.
  return slips === 1 && (upper.length !== setting.length || sorted(upper) === sorted(setting));
}

function looksLikeOurs(name: string, { settings, inFile }: Names): boolean {
  const prefix = /^[A-Z]+_/.exec(name)?.[0];
  if (prefix === undefined || !settings.some((setting) => setting.startsWith(prefix))) return false;
  return !SHARED.test(name) || inFile.includes(name);
}

function nearest(name: string, settings: readonly string[]): string | undefined {
  const [best] = settings
    .map((setting) => ({ setting, slips: editDistance(name, setting) }))
    .toSorted((one, other) => one.slips - other.slips);
  return best && best.slips <= name.length / 2 ? best.setting : undefined;
}

function fold(name: string): string {
  return name.replaceAll('_', '');
}

function sorted(word: string): string {
  return [...word].toSorted().join('');
}
