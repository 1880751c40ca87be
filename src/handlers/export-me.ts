import type { RequestHandler } from 'express';
import type { Sessions } from '../auth/sessions.ts';
import type { Users } from '../db/users.ts';
import { bearerOf } from '../middleware/require-login.ts';
import { reply } from './reply.ts';
import { toPublicSession } from './sessions.ts';

interface Needs {
  readonly users: Users;
  readonly sessions: Sessions;
}

const EXPORTED = { zh: '与你有关的全部数据', en: 'Everything that is stored about you' };

/** Everything stored about me: my row, what a merge kept of me, my sessions, which of them are kept as ended. Only the session_key stays out: it is WeChat's. */
export function exportMe({ users, sessions }: Needs): RequestHandler {
  return async (req, res) => {
    const { id, sid } = bearerOf(req);
    const [stored, mine] = await Promise.all([users.everything(id), sessions.list(id)]);
    reply(req, res, EXPORTED, { ...stored, wxsession: mine.map((session) => toPublicSession(session, sid)) });
  };
}
