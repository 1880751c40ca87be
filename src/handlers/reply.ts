import type { Request, Response } from 'express';
import type { User } from '../db/users.ts';
import { sendJson } from '../json.ts';
import { type Text, textFor } from '../language.ts';
import type { UserId } from '../user-id.ts';
import { visible } from '../wechat/visible.ts';

/** A user as his own client sees him. */
export interface PublicUser {
  readonly id: UserId;
  readonly nickName: string | null;
  readonly avatar: string | null;
  readonly gender: number;
  /** ISO 8601, UTC; null for a user from before us. */
  readonly createdAt: string | null;
}

/** Answers a success: `{status: 200, messages, …data}`, the tutorial's fields first. */
export function reply(req: Request, res: Response, messages: Text, data: object): void {
  // Express would answer a 304 without data; nothing of this may have been stored to be compared with.
  delete req.headers['if-none-match'];
  sendJson(res, { status: 200, messages: textFor(req, messages), ...data });
}

/** Leaves out what does not belong in a reply: openid, unionid, phone. */
export function toPublic(user: User): PublicUser {
  const { id, avatar, gender, createdAt } = user;
  // A row from before us, or one that another program wrote, may have any characters: see visible.ts.
  const nickName = user.nickName === null ? null : visible(user.nickName);
  return { id, nickName, avatar, gender, createdAt: createdAt?.toISOString() ?? null };
}
