import type { RequestHandler } from 'express';
import { bearerOf } from '../middleware/require-login.ts';
import { type EraseNeeds, eraseAccount } from './erase-account.ts';
import { reply } from './reply.ts';

const ERASED = { zh: '账号已注销', en: 'Your account is erased' };

/**
 * I erase my account: my row, my picture, my sessions, and what a merge kept of me. My tokens are dead at once. With Redis the ids of
 * my sessions stay as ended until those tokens have expired.
 */
export function deleteMe(needs: EraseNeeds): RequestHandler {
  return async (req, res) => {
    await eraseAccount(needs, bearerOf(req));
    reply(req, res, ERASED, {});
  };
}
