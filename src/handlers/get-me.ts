import type { RequestHandler } from 'express';
import type { Users } from '../db/users.ts';
import { bearerOf } from '../middleware/require-login.ts';
import { reply, toPublic } from './reply.ts';
import { requireActive } from './require-active.ts';

const HERE = { zh: '获取成功', en: 'Your profile' };

/** My profile. */
export function getMe({ users }: { readonly users: Users }): RequestHandler {
  return async (req, res) => {
    const user = requireActive(await users.findById(bearerOf(req).id));
    const linked = await users.linkedTo(user);
    reply(req, res, HERE, {
      user: toPublic(user),
      // The same person in other mini programs of ours, known by the unionid.
      linked: linked.map((other) => ({ appid: other.appid, ...toPublic(other) })),
    });
  };
}
