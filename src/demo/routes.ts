import { Router } from 'express';
import { z } from 'zod';
import { isSid, type Sessions } from '../auth/sessions.ts';
import type { Tokens } from '../auth/tokens.ts';
import { SANDBOX_APPID } from '../config.ts';
import type { Administration } from '../db/administration.ts';
import type { User, Users } from '../db/users.ts';
import { AppError } from '../errors.ts';
import { toShown } from '../handlers/sessions.ts';
import { sendJson } from '../json.ts';
import { polled } from '../middleware/log-requests.ts';
import { onlyJson } from '../middleware/only-json.ts';
import { readJson } from '../middleware/read-body.ts';
import { validate } from '../middleware/validate.ts';
import { nameOf } from '../sandbox/control-problems.ts';
import { openidOf } from '../sandbox/identities.ts';

/** What the demo is made of. */
export interface DemoParts {
  readonly users: Users;
  readonly sessions: Sessions;
  readonly administration: Administration;
  /** Signs as we do, but what it signs has expired. */
  readonly expiredTokens: Pick<Tokens, 'issue'>;
}

/** `PUT /users/:user` */
const standingRequest = z.object({ banned: z.boolean() });

/** `POST /users/:user/expired-token` */
const expiredTokenRequest = z.object({ session: z.string() });

/**
 * What the demo page asks the server for: what is stored of a user of the sandbox, to ban him or let him in, and a token whose
 * time is over. It lets anyone do that to anyone, as the sandbox does.
 */
export function demoRoutes({ users, sessions, administration, expiredTokens }: DemoParts): Router {
  const routes = Router();
  routes.use(onlyJson, readJson);

  const find = (name: string | string[] | undefined) =>
    users.findByOpenid(SANDBOX_APPID, openidOf(SANDBOX_APPID, nameOf(name)));

  async function get(name: string | string[] | undefined): Promise<User> {
    const user = await find(name);
    if (!user) throw new AppError('not_found', { reason: 'no row of this user of the sandbox' });
    return user;
  }

  async function show(user: User | undefined) {
    if (!user) return { row: null, sessions: [] };
    const [{ wxuser }, open] = await Promise.all([users.everything(user.id), sessions.list(user.id)]);
    return { row: wxuser ?? null, sessions: open.map(toShown) };
  }

  routes.get('/users/:user', polled, async (req, res) => {
    sendJson(res, await show(await find(req.params['user'])));
  });

  routes.put('/users/:user', validate(standingRequest), async (req, res) => {
    const user = await get(req.params['user']);
    await administration.setStatus([user.id], req.body.banned ? 'banned' : 'active');
    await sessions.forget(user.id);
    sendJson(res, await show(user));
  });

  routes.post('/users/:user/expired-token', validate(expiredTokenRequest), async (req, res) => {
    const { session: sid } = req.body;
    const user = await get(req.params['user']);
    const session = isSid(sid) ? await sessions.find(user.id, sid) : undefined;
    if (!session) throw new AppError('not_found', { reason: 'no such session of this user' });
    sendJson(res, { token: `Bearer ${expiredTokens.issue({ ...user, sid }).token}` });
  });

  return routes;
}
