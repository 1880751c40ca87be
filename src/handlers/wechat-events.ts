import type { z } from 'zod';
import type { Blankable, User } from '../db/users.ts';
import { consentEvent, type MediaCheck, mediaCheck, revokeEvent } from '../wechat/messages.ts';
import { type EraseNeeds, eraseAccount } from './erase-account.ts';

export interface EventNeeds extends EraseNeeds {
  /** Told what a check of a picture or a sound found out; may be told twice. */
  readonly mediaChecked?: (check: MediaCheck) => Promise<void>;
}

/** What became of an event. */
export interface Outcome {
  /** `ignored`: nobody here handles such; `unusable`: it lacks what its handler needs. */
  readonly outcome: 'handled' | 'ignored' | 'unusable';
  /** The number of the row, where the event met a user. */
  readonly user?: number;
}

type EventHandler = (fields: object, appid: string, needs: EventNeeds) => Promise<Outcome>;

/** By `Event`. Each may safely run twice: WeChat repeats what it thinks was not heard. */
const handlers: ReadonlyMap<string, EventHandler> = new Map([
  [
    'user_info_modified',
    ofUser(consentEvent, (needs, user) => takeAway(needs, user, ['nickName', 'avatar'])),
  ],
  [
    'user_authorization_revoke',
    ofUser(revokeEvent, (needs, user, { fields }) => takeAway(needs, user, fields)),
  ],
  ['user_authorization_cancellation', ofUser(consentEvent, (needs, user) => eraseAccount(needs, user))],
  [
    'wxa_media_check',
    on(mediaCheck, async (check, _appid, { mediaChecked }) => void (await mediaChecked?.(check))),
  ],
]);

/** Does what an event asks for. One that is unknown, or of a user whom we do not know, asks for nothing. */
export async function handleEvent(
  event: string | undefined,
  ...args: Parameters<EventHandler>
): Promise<Outcome> {
  const handle = handlers.get(event ?? '');
  return handle ? handle(...args) : { outcome: 'ignored' };
}

function on<Event>(
  schema: z.ZodType<Event>,
  handle: (event: Event, appid: string, needs: EventNeeds) => Promise<number | undefined>,
): EventHandler {
  return async (fields, appid, needs) => {
    const event = schema.safeParse(fields);
    if (!event.success) return { outcome: 'unusable' };
    const user = await handle(event.data, appid, needs);
    return { outcome: 'handled', ...(typeof user === 'number' && { user }) };
  };
}

/** Blanks fields of a user's row; with the avatar goes the picture that he uploaded. */
async function takeAway(
  { users, avatars }: EventNeeds,
  user: User,
  fields: readonly Blankable[],
): Promise<void> {
  if (fields.includes('avatar')) await avatars.remove(user, user.avatar);
  await users.blank(user.id, fields);
}

/** An event about a user, if we know him. */
function ofUser<Event extends { readonly OpenID: string }>(
  schema: z.ZodType<Event>,
  handle: (needs: EventNeeds, user: User, event: Event) => Promise<void>,
): EventHandler {
  return on(schema, async (event, appid, needs) => {
    const user = await needs.users.findByOpenid(appid, event.OpenID);
    if (user) await handle(needs, user, event);
    return user?.id;
  });
}
