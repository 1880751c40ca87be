import type { RequestHandler } from 'express';
import type { ParamsDictionary } from 'express-serve-static-core';
import type { Users } from '../db/users.ts';
import { bearerOf } from '../middleware/require-login.ts';
import { wechatOf } from '../wechat/apps.ts';
import { reply } from './reply.ts';
import type { PhoneRequest } from './requests.ts';
import { requireActive } from './require-active.ts';
import { type PhoneCodeDeps, type PhoneDataDeps, phoneOfCode, phoneOfData } from './verified-phone.ts';

interface Deps extends PhoneCodeDeps, PhoneDataDeps {
  readonly users: Users;
}

const STORED = { zh: '手机号已绑定', en: 'Your phone number is stored' };

/** I give my phone number by the getPhoneNumber button. */
export function postPhone(deps: Deps): RequestHandler<ParamsDictionary, unknown, PhoneRequest> {
  const { apps, users } = deps;
  return async (req, res) => {
    const bearer = bearerOf(req);
    requireActive(await users.findById(bearer.id));
    const { code, encryptedData = '', iv = '' } = req.body;
    const { appid, openid } = bearer;
    const phone = code
      ? await phoneOfCode(deps, wechatOf(apps, appid), { code, openid })
      : await phoneOfData(deps, bearer, { encryptedData, iv });
    await users.setPhone(bearer.id, phone);
    reply(req, res, STORED, { phone });
  };
}
