import type { Request, RequestHandler, Response } from 'express';
import type { Avatars } from '../avatars/avatars.ts';
import type { MakePicture } from '../avatars/picture.ts';
import type { ReceiveFile } from '../avatars/receive.ts';
import { createTurns } from '../avatars/turns.ts';
import { createUploadMemory } from '../avatars/upload-memory.ts';
import type { Author, ContentCheck } from '../content/check.ts';
import type { User, Users } from '../db/users.ts';
import { bearerOf } from '../middleware/require-login.ts';
import { reply, toPublic } from './reply.ts';
import { requireActive } from './require-active.ts';

export interface AvatarNeeds {
  readonly users: Users;
  readonly avatars: Avatars;
  readonly receiveFile: ReceiveFile;
  readonly makePicture: MakePicture;
  readonly contentCheck: ContentCheck;
}

const CHANGED = { zh: '头像已更新', en: 'Your picture is changed' };

/** What they have sent is in memory until it is decoded. */
const MEMORY = { maxBytes: 48 * 1_048_576, maxUploads: 128 };

/** One of each user: the others of a user wait, and have not been read. */
const TURNS = { atOnce: 256, waiting: 100, waitingOfOne: 3 };

/** I upload my picture: what wx.uploadFile sends of chooseAvatar's file. Later logins leave it alone. */
export function putAvatar(needs: AvatarNeeds): RequestHandler {
  const { users, avatars, receiveFile, makePicture, contentCheck } = needs;
  const inTurn = createTurns(TURNS);
  const memory = createUploadMemory(MEMORY);
  return async (req, res) => {
    const bearer = bearerOf(req);
    const user = await inTurn(bearer.id, async () => store(bearer, await pictureOf(req, res)));
    reply(req, res, CHANGED, { user: toPublic(user) });
  };

  async function pictureOf(req: Request, res: Response): Promise<Buffer> {
    const held = memory.hold();
    try {
      return await makePicture(await receiveFile(req, res, held));
    } finally {
      held.release();
    }
  }

  async function store(owner: Author, picture: Buffer): Promise<User> {
    const { id } = owner;
    const { avatar } = requireActive(await users.findById(id));
    const url = await avatars.keep(owner, picture);
    let isInRow = avatar === url;
    try {
      return await contentCheck.checkAvatar(owner, url, async () => {
        const changed = await users.change(id, { avatar: url });
        const user = requireActive(changed?.user);
        isInRow = true;
        await avatars.discard(owner, changed?.formerAvatar);
        return user;
      });
    } catch (error) {
      // The row has another picture still, or is gone.
      if (!isInRow) await avatars.discard(owner, url);
      throw error;
    }
  }
}
