import { AppError, type Issue } from '../errors.ts';
import { toIssues } from '../issues.ts';
import type { Text } from '../language.ts';
import { openProfile } from './open-data.ts';
import { ANONYMOUS_NAME, avatar, gender, nickName } from './profile-fields.ts';
import { objectIn, parseRawData, type RawData, signedText, whyNotSigned } from './raw-data.ts';
import { receiveSealed } from './sealed-text.ts';
import { visible } from './visible.ts';

/** What of a profile may be stored. A missing field says nothing and changes nothing. */
export interface Profile {
  readonly nickName?: string;
  readonly avatar?: string;
  readonly gender?: 0 | 1 | 2;
}

/** What the login button sends beside `code`; all of it may be missing. */
export interface SentProfile {
  readonly rawData?: RawData | undefined;
  readonly signature?: string | undefined;
  readonly encryptedData?: string | undefined;
  readonly iv?: string | undefined;
}

interface Context {
  /** Empty where there is none: then nothing is proven. */
  readonly sessionKey: string;
  readonly openid: string;
  readonly appid: string;
  readonly now: Date;
  /** Refuse what cannot be verified, instead of leaving it out. */
  readonly strict: boolean;
  /** Leave out a name and an avatar that are only self-reported: names and pictures are checked here, and a login waits for no check. */
  readonly provenOnly: boolean;
}

/** The grey avatar and the official placeholder: wherever they come from, they are nobody's picture. */
const ANONYMOUS_AVATARS = [
  'POgEwh4mIHO4nibH0KlMECNjjGxQUq24ZEaGT4poC6icRiccVGKSyXwibcPq4BWmiaIGuG1icwxaQX6grC9VemZoJ8rg',
  'icTdbqWNOwNRna42FI242Lcia07jQodd2FJGIYQfG0LAJGFxM4FbnQP6yfMxBgJ0F3YRqJCJ1aPAK2dQagdusBZg',
];

/** Our column, WeChat's field, its check, and the values that say nothing. */
const FIELDS = [
  {
    column: 'nickName',
    field: 'nickName',
    schema: nickName,
    saysNothing: isAnonymousName,
  },
  { column: 'avatar', field: 'avatarUrl', schema: avatar, saysNothing: isAnonymousAvatar },
  { column: 'gender', field: 'gender', schema: gender, saysNothing: (v: unknown) => v === 0 },
] as const satisfies readonly { column: keyof Profile; [more: string]: unknown }[];

const NOT_DECRYPTED: Text = {
  zh: '无法用本次登录的 session_key 解密，或已超过一小时，已忽略：请先调用 wx.login，再调用 wx.getUserProfile',
  en: "was not used: it does not decrypt with this login's session_key, or is more than an hour old. Call wx.login before wx.getUserProfile",
};
const NO_IV: Text = { zh: '缺少 iv，已忽略', en: 'was not used: its iv is missing' };
const NOT_PROVEN: Text = {
  zh: '未经微信证实，已忽略：请让用户在资料页设置（PUT /api/wxuser/me，POST /api/wxuser/me/avatar），由微信检测内容',
  en: 'was not used: WeChat does not vouch for it. Have the user set it (PUT /api/wxuser/me, POST /api/wxuser/me/avatar), where WeChat checks it',
};

/**
 * Applies the profile rules: `rawData` with a good signature is WeChat's word, and nothing else is looked at. Without one, all is what
 * the user says, each field checked: what `encryptedData` decrypts to, or else rawData. An anonymous profile says nothing.
 * `issues` names what was left out, and why.
 * @throws {AppError} `profile_rejected`, in strict mode only.
 */
export function readProfile(sent: SentProfile, context: Context): { profile: Profile; issues: Issue[] } {
  const issues: Issue[] = [];
  const { rawData, signature } = sent;
  const signed = signature && signedText(rawData, signature, context.sessionKey);
  if (signed) return { profile: pick(objectIn(signed) ?? {}, 'rawData', issues), issues };
  if (context.strict) refuseUnsigned(sent);

  const decrypted = open(sent, context, issues);
  if (signature) issues.push({ path: 'signature', message: selfReported(whyNotSigned(rawData, signature)) });
  const said = parse(rawData, issues);
  const useDecrypted = decrypted && !isAnonymous(decrypted);
  const [source, under] = useDecrypted ? [decrypted, 'encryptedData'] : [said, 'rawData'];
  const profile = pick(source, under, issues);
  return { profile: context.provenOnly ? harmless(profile, under, issues) : profile, issues };
}

function open({ encryptedData, iv }: SentProfile, context: Context, issues: Issue[]) {
  if (!encryptedData) return undefined;
  const path = 'encryptedData';
  const { sealed, issue } = iv ? receiveSealed({ encryptedData, iv }) : { issue: { path, message: NO_IV } };
  const { data } = sealed && context.sessionKey ? openProfile(sealed, context) : {};
  // getUserInfo's data names its user, getUserProfile's does not.
  if (data && (data.openId ?? context.openid) === context.openid) return data;
  issues.push(issue ?? { path, message: NOT_DECRYPTED });
  return undefined;
}

/** @throws {AppError} unless no profile is sent at all */
function refuseUnsigned({ rawData, signature, encryptedData }: SentProfile): void {
  if (!rawData && !signature && !encryptedData) return;
  const reason = signature
    ? `signature ${whyNotSigned(rawData, signature).en}`
    : 'the profile comes without the signature of rawData: encryptedData is no proof';
  throw new AppError('profile_rejected', { reason });
}

const selfReported = ({ zh, en }: Text): Text => ({
  zh: `${zh}；资料按用户自报处理`,
  en: `${en}: the profile counts as self-reported`,
});

function parse(rawData: RawData | undefined, issues: Issue[]): Readonly<Record<string, unknown>> {
  if (rawData === undefined) return {};
  const { said = {}, issue } = parseRawData(rawData);
  if (issue) issues.push(issue);
  return said;
}

function isAnonymous(said: Readonly<Record<string, unknown>>): boolean {
  return said['is_demote'] === true || isAnonymousName(said['nickName']);
}

/** Takes each field that says something and holds; names each that does not hold. */
function pick(said: Readonly<Record<string, unknown>>, under: string, issues: Issue[]): Profile {
  const profile: Profile = {};
  if (said['is_demote'] === true) return profile;
  for (const { column, field, schema, saysNothing } of FIELDS) {
    const value = said[field];
    if (value === undefined || value === null || value === '' || saysNothing(value)) continue;
    const checked = schema.safeParse(value, { reportInput: true });
    if (checked.success) Object.assign(profile, { [column]: checked.data });
    else issues.push(...toIssues(checked.error, `${under}.${field}`));
  }
  return profile;
}

/** What of a self-reported profile nobody needs to look at: neither text nor picture. */
function harmless({ nickName, avatar, ...rest }: Profile, under: string, issues: Issue[]): Profile {
  if (nickName !== undefined) issues.push({ path: `${under}.nickName`, message: NOT_PROVEN });
  if (avatar !== undefined) issues.push({ path: `${under}.avatarUrl`, message: NOT_PROVEN });
  return rest;
}

function isAnonymousName(value: unknown): boolean {
  return typeof value === 'string' && visible(value).trim() === ANONYMOUS_NAME;
}

function isAnonymousAvatar(value: unknown): boolean {
  return typeof value === 'string' && ANONYMOUS_AVATARS.some((hash) => value.includes(hash));
}
