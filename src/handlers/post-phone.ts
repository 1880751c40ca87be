import type { RequestHandler } from 'express';
import type { ParamsDictionary } from 'express-serve-static-core';
import { z } from 'zod';
import type { Seal } from '../auth/seal.ts';
import type { Sessions } from '../auth/sessions.ts';
import type { Bearer } from '../auth/tokens.ts';
import type { Users } from '../db/users.ts';
import { AppError } from '../errors.ts';
import { bearerOf } from '../middleware/require-login.ts';
import { type Apps, wechatOf } from '../wechat/apps.ts';
import { decryptOpenData } from '../wechat/crypto.ts';
import { toInternational } from '../wechat/phone-number.ts';
import { reply } from './reply.ts';
import type { PhoneRequest } from './requests.ts';
import { requireActive } from './require-active.ts';

interface Needs {
  readonly apps: Apps;
  readonly users: Users;
  readonly sessions: Sessions;
  readonly seal: Seal;
}

const STORED = { zh: '手机号已绑定', en: 'Your phone number is stored' };

/** I give my phone number by the getPhoneNumber button. */
export function postPhone(needs: Needs): RequestHandler<ParamsDictionary, unknown, PhoneRequest> {
  return async (req, res) => {
    const bearer = bearerOf(req);
    requireActive(await needs.users.findById(bearer.id));
    const phone = await phoneOf(needs, bearer, req.body);
    await needs.users.setPhone(bearer.id, phone);
    reply(req, res, STORED, { phone });
  };
}

async function phoneOf(needs: Needs, bearer: Bearer, sent: PhoneRequest): Promise<string> {
  if (!sent.code) return decrypted(needs, bearer, sent);
  const wechat = wechatOf(needs.apps, bearer.appid);
  return toInternational(await wechat.getUserPhoneNumber(sent.code, bearer.openid));
}

const opened = z.object({ purePhoneNumber: z.string(), countryCode: z.coerce.string() });

/** The older button's data is encrypted with the session_key, which is this session's unless wx.login has rotated it since. */
async function decrypted(
  { sessions, seal }: Needs,
  { id, sid, appid }: Bearer,
  { encryptedData = '', iv = '' }: PhoneRequest,
): Promise<string> {
  const session = await sessions.find(id, sid);
  const sessionKey = (session && seal.open(session.sessionKey)) ?? '';
  const data = opened.safeParse(decryptOpenData({ encryptedData, iv }, sessionKey, appid));
  if (!data.success)
    throw new AppError('phone_rejected', { reason: 'encryptedData does not decrypt to a phone number' });
  return toInternational(data.data);
}
