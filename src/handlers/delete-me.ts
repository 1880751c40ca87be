import type { RequestHandler } from 'express';
import type { Sessions } from '../auth/sessions.ts';
import type { Users } from '../db/users.ts';
import { bearerOf } from '../middleware/require-login.ts';
import { reply } from './reply.ts';

interface Needs {
  readonly users: Users;
  readonly sessions: Sessions;
}

const ERASED = { zh: '账号已注销', en: 'Your account is erased' };

/** I erase my account: my row, my sessions, and what a merge kept of me. My tokens are dead at once. */
export function deleteMe({ users, sessions }: Needs): RequestHandler {
  return async (req, res) => {
    const { id } = bearerOf(req);
    // First, so that nothing is erased while the sessions cannot be ended; and again for a login that came between.
    await sessions.endAll(id);
    await users.erase(id);
    await sessions.endAll(id);
    reply(req, res, ERASED, {});
  };
}
