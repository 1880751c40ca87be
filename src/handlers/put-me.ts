import type { RequestHandler } from 'express';
import type { ParamsDictionary } from 'express-serve-static-core';
import type { Avatars } from '../avatars/avatars.ts';
import type { ContentCheck } from '../content/check.ts';
import type { Users } from '../db/users.ts';
import { bearerOf } from '../middleware/require-login.ts';
import { reply, toPublic } from './reply.ts';
import type { ProfileRequest } from './requests.ts';
import { requireActive } from './require-active.ts';

interface Needs {
  readonly users: Users;
  readonly avatars: Avatars;
  readonly contentCheck: ContentCheck;
}

const CHANGED = { zh: '修改成功', en: 'Your profile is changed' };

/** I change my name, avatar or gender. Later logins leave these fields alone. */
export function putMe(needs: Needs): RequestHandler<ParamsDictionary, unknown, ProfileRequest> {
  const { users, avatars, contentCheck } = needs;
  return async (req, res) => {
    const bearer = bearerOf(req);
    requireActive(await users.findById(bearer.id));
    const { nickName, avatar } = req.body;
    const store = () => users.change(bearer.id, req.body);
    if (nickName !== undefined) await contentCheck.checkName(bearer, nickName);
    const changed = await (avatar === undefined ? store() : contentCheck.checkAvatar(bearer, avatar, store));
    const user = requireActive(changed?.user);
    await avatars.discard(bearer, changed?.formerAvatar);
    reply(req, res, CHANGED, { user: toPublic(user) });
  };
}
