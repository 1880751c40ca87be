import type { User } from '../db/users.ts';
import { AppError } from '../errors.ts';

/** The row behind a good token, which may have been erased or banned since the token was made. */
export function requireActive(user: User | undefined): User {
  if (!user) throw new AppError('session_ended', { reason: 'the user of this token is no longer in wxuser' });
  if (user.status === 'banned') throw new AppError('user_banned');
  return user;
}
