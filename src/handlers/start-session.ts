import { randomBytes } from 'node:crypto';
import type { Request } from 'express';
import { deviceOf, placeOf } from '../auth/device.ts';
import type { Seal } from '../auth/seal.ts';
import type { Sessions } from '../auth/sessions.ts';
import type { Tokens } from '../auth/tokens.ts';
import type { User } from '../db/users.ts';
import { clientAddress } from '../middleware/client-address.ts';

export interface SessionNeeds {
  readonly tokens: Tokens;
  readonly sessions: Sessions;
  readonly seal: Seal;
  readonly now: () => Date;
}

/** Opens a session for who has just logged in, and signs the token that stands for it. */
export async function startSession(needs: SessionNeeds, req: Request, user: User, sessionKey: string) {
  const { tokens, sessions, seal, now } = needs;
  const sid = randomBytes(16).toString('base64url');
  const { token, expiresAt } = tokens.issue({ ...user, sid });
  const at = now();
  const session = {
    sid,
    userId: user.id,
    generation: user.sessionGeneration,
    sessionKey: seal.close(sessionKey),
    device: deviceOf(req.get('user-agent')),
    place: placeOf(clientAddress(req)),
    createdAt: at,
    lastUsedAt: at,
    expiresAt,
  };
  await sessions.open(session, user.openid);
  return { token, expiresAt: expiresAt.toISOString() };
}
