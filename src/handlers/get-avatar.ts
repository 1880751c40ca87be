import type { RequestHandler } from 'express';
import type { Avatars } from '../avatars/avatars.ts';
import { PICTURE_HEADERS } from '../avatars/picture.ts';
import { AppError } from '../errors.ts';

/** A picture that somebody uploaded, for everybody who has its URL. */
export function getAvatar({ avatars }: { readonly avatars: Avatars }): RequestHandler<{ name: string }> {
  return async (req, res) => {
    const { name } = req.params;
    const picture = await avatars.read(name);
    if (!picture) throw new AppError('not_found');
    res.set(PICTURE_HEADERS);
    res.set('ETag', `"${name}"`);
    res.set('X-Content-Type-Options', 'nosniff');
    // Pages of other origins show it: a mini program's web-view, an administrator's.
    res.set('Cross-Origin-Resource-Policy', 'cross-origin');
    res.send(picture);
  };
}
