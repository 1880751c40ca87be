import type { Seal } from '../auth/seal.ts';
import type { Sessions } from '../auth/sessions.ts';
import type { Bearer } from '../auth/tokens.ts';
import { AppError } from '../errors.ts';
import { type Apps, wechatOf } from '../wechat/apps.ts';
import type { WeChat } from '../wechat/client.ts';
import type { Sealed } from '../wechat/crypto.ts';
import { openPhone } from '../wechat/open-data.ts';
import { toInternational } from '../wechat/phone-fields.ts';
import { receiveSealed } from '../wechat/sealed-text.ts';

/** How far the time of WeChat's answer may be from the watermark's. */
const SAME_TIME_MS = 10 * 60_000;

export interface PhoneCodeDeps {
  /** Whether WeChat is told whose code it must be. */
  readonly phoneCheckOpenid: boolean;
}

export interface PhoneDataDeps {
  readonly apps: Apps;
  readonly sessions: Sessions;
  readonly seal: Seal;
  readonly now: () => Date;
}

/** The number that the code of a getPhoneNumber button stands for. */
export async function phoneOfCode(
  { phoneCheckOpenid }: PhoneCodeDeps,
  wechat: WeChat,
  { code, openid }: { readonly code: string; readonly openid: string },
): Promise<string> {
  return toInternational(await wechat.getUserPhoneNumber(code, phoneCheckOpenid ? openid : undefined));
}

/**
 * The number in the data of the older button, which is encrypted with this session's session_key unless a wx.login has replaced it
 * since. WeChat says whether the data is genuine.
 * @throws {AppError} `invalid_request` for what is no such data, `phone_rejected`, or `wechat_*` when WeChat cannot be asked
 */
export async function phoneOfData(
  { apps, sessions, seal, now }: PhoneDataDeps,
  { id, sid, appid }: Bearer,
  sent: Sealed,
): Promise<string> {
  const { sealed, issue } = receiveSealed(sent);
  if (!sealed)
    throw new AppError('invalid_request', { issues: [issue], reason: `${issue.path} ${issue.message.en}` });
  const session = await sessions.find(id, sid);
  const sessionKey = (session && seal.open(session.sessionKey)) ?? '';
  const { data, problem } = openPhone(sealed, { sessionKey, appid, now: now() });
  if (!data) throw rejected(problem);
  // WeChat knows the data by its hash, without the iv. So all but the first 16 bytes is as WeChat wrote it, and the grammar leaves
  // no choice for these.
  const madeAt = await wechatOf(apps, appid).checkEncryptedData(sealed.encryptedData);
  if (!madeAt) throw rejected('WeChat does not know this encryptedData: forged, or more than three days old');
  const apart = Math.abs(madeAt.getTime() - data.watermark.timestamp * 1000);
  if (apart > SAME_TIME_MS)
    throw rejected(`WeChat made this encryptedData ${apart / 1000} s before or after its watermark says`);
  return toInternational(data);
}

function rejected(reason: string): AppError {
  return new AppError('phone_rejected', { reason });
}
