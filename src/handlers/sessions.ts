import type { RequestHandler } from 'express';
import type { ParamsDictionary } from 'express-serve-static-core';
import { isSid, type Session, type Sessions } from '../auth/sessions.ts';
import { AppError } from '../errors.ts';
import { bearerOf } from '../middleware/require-login.ts';
import { reply } from './reply.ts';
import type { LogoutRequest } from './requests.ts';

interface Needs {
  readonly sessions: Sessions;
}

const LISTED = { zh: '我的登录设备', en: 'Your devices' };
const ENDED = { zh: '已退出登录', en: 'Logged out' };

/** Where I am logged in, the newest first. */
export function listSessions({ sessions }: Needs): RequestHandler {
  return async (req, res) => {
    const { id, sid } = bearerOf(req);
    const mine = await sessions.list(id);
    reply(req, res, LISTED, { sessions: mine.map((session) => toPublicSession(session, sid)) });
  };
}

/** I end one of my sessions, on whatever device. */
export function endSession({ sessions }: Needs): RequestHandler<{ id: string }> {
  return async (req, res) => {
    const { id: sid } = req.params;
    const there = isSid(sid) && (await sessions.end(bearerOf(req).id, sid));
    if (!there) throw new AppError('not_found', { reason: 'no such session of this user' });
    reply(req, res, ENDED, {});
  };
}

/** I end this session, or all of mine. */
export function logout({ sessions }: Needs): RequestHandler<ParamsDictionary, unknown, LogoutRequest> {
  return async (req, res) => {
    const { id, sid } = bearerOf(req);
    await (req.body.all ? sessions.endAll(id) : sessions.end(id, sid));
    reply(req, res, ENDED, {});
  };
}

/** A session as its user sees it, who asks with one of his. */
export function toPublicSession(session: Session, currentSid: string) {
  return { ...toShown(session), current: session.sid === currentSid };
}

/** A session as it is shown: nothing of its session_key. */
export function toShown(session: Session) {
  return {
    id: session.sid,
    device: session.device,
    place: session.place,
    createdAt: session.createdAt.toISOString(),
    lastUsedAt: session.lastUsedAt.toISOString(),
    expiresAt: session.expiresAt.toISOString(),
  };
}
