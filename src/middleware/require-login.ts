import type { Request, RequestHandler, Response } from 'express';
import { expressjwt, UnauthorizedError } from 'express-jwt';
import jwt from 'jsonwebtoken';
import type { Sessions } from '../auth/sessions.ts';
import type { Bearer, Tokens } from '../auth/tokens.ts';
import { AppError } from '../errors.ts';
import { noteAudit } from './audit.ts';
import { convertFailure } from './handle-errors.ts';
import { sentToken } from './sent-token.ts';

declare global {
  namespace Express {
    interface Request {
      /** Who is logged in; set by requireLogin. */
      bearer?: Bearer;
    }
  }
}

/** Lets a request pass whose token holds and whose session is alive, and sets `req.bearer`. Any failure goes to `next`. */
export function requireLogin(tokens: Tokens, sessions: Sessions): RequestHandler {
  const verify = expressjwt({
    ...tokens.expected,
    secret: (_req, token) => tokens.keyOf(token),
    getToken: sentToken,
  });
  return (req, res, next) => {
    res.setHeader('Cache-Control', 'no-store'); // what a user gets is for nobody else, on a route of a host app too
    // Express 4 does not look at a promise: its rejection would end the process.
    check(req, res).then(
      () => next(),
      (error) => convertFailure(error, req, res, next),
    );
  };

  async function check(req: Request, res: Response): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      verify(req, res, (error?: unknown) => (error ? reject(refusal(error)) : resolve()));
    });
    const bearer = tokens.read((req as { auth?: unknown }).auth);
    noteAudit(req, { user: bearer.id, appid: bearer.appid });
    const standing = await sessions.standing(bearer.id, bearer.sid);
    if (standing === 'ended') throw new AppError('session_ended');
    if (standing === 'banned') throw new AppError('user_banned');
    req.bearer = bearer;
  }
}

/** Whom the token of a request behind requireLogin speaks for. */
export function bearerOf(req: Request): Bearer {
  if (!req.bearer) throw new Error('bearerOf: this route has no requireLogin in front');
  return req.bearer;
}

function refusal(error: unknown): unknown {
  if (!(error instanceof UnauthorizedError)) return error;
  if (error.inner instanceof jwt.TokenExpiredError) return new AppError('token_expired');
  // Any other message may quote the token.
  const reason = /^(?:jwt|invalid) [\w. :-]+$/.test(error.message) ? error.message : 'unreadable';
  return new AppError('token_invalid', { reason });
}
