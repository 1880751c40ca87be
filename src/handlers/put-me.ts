import type { RequestHandler } from 'express';
import type { ParamsDictionary } from 'express-serve-static-core';
import type { Users } from '../db/users.ts';
import { bearerOf } from '../middleware/require-login.ts';
import { reply, toPublic } from './reply.ts';
import type { ProfileRequest } from './requests.ts';
import { requireActive } from './require-active.ts';

const CHANGED = { zh: '修改成功', en: 'Your profile is changed' };

/** I change my name, avatar or gender. Later logins leave these fields alone. */
export function putMe({
  users,
}: {
  readonly users: Users;
}): RequestHandler<ParamsDictionary, unknown, ProfileRequest> {
  return async (req, res) => {
    const { id } = bearerOf(req);
    requireActive(await users.findById(id));
    const user = requireActive(await users.change(id, req.body));
    reply(req, res, CHANGED, { user: toPublic(user) });
  };
}
