import type { z } from 'zod';
import type { Blankable, User } from '../db/users.ts';
import type { AuditEvent } from '../middleware/audit.ts';
import type { UserId } from '../user-id.ts';
import { consentEvent, type MediaCheck, mediaCheck, revokeEvent } from '../wechat/messages.ts';
import { type EraseNeeds, eraseAccount } from './erase-account.ts';
import type { OpenedMessage } from './open-message.ts';

export interface EventNeeds extends EraseNeeds {
  /** Told what a check of a picture or a sound found out; may be told twice. */
  readonly mediaChecked?: (check: MediaCheck) => Promise<void>;
}

/** What became of an event. */
export interface Outcome {
  /**
   * `ignored`: nobody here handles such; `unusable`: it lacks what its handler needs, or has it malformed; `outdated`: it is
   * of a time before the user's account was made, and so about one that is gone.
   */
  readonly outcome: 'handled' | 'ignored' | 'unusable' | 'outdated';
  /** The number of the row, where the event met a user. */
  readonly user?: UserId;
  /** What was done to the user, where something was. */
  readonly audit?: AuditEvent;
}

type EventHandler = (opened: OpenedMessage, needs: EventNeeds) => Promise<Outcome>;

/** By `Event`. Each may safely run twice: WeChat repeats what it thinks was not heard. */
const handlers: ReadonlyMap<string, EventHandler> = new Map([
  [
    'user_info_modified',
    ofUser(consentEvent, 'revocation', (needs, user) => takeAway(needs, user, ['nickName', 'avatar'])),
  ],
  [
    'user_authorization_revoke',
    ofUser(revokeEvent, 'revocation', (needs, user, { fields }) => takeAway(needs, user, fields)),
  ],
  [
    'user_authorization_cancellation',
    ofUser(consentEvent, 'erasure', (needs, user) => eraseAccount(needs, user)),
  ],
  [
    'wxa_media_check',
    on(mediaCheck, async (check, _opened, { mediaChecked }) => {
      await mediaChecked?.(check);
      return { outcome: 'handled' };
    }),
  ],
]);

/** Does what an event asks for. One that is unknown, or of a user whom we do not know, asks for nothing. */
export async function handleEvent(opened: OpenedMessage, needs: EventNeeds): Promise<Outcome> {
  const { type, event = '' } = opened.message;
  const handle = type === 'event' ? handlers.get(event) : undefined;
  return handle ? handle(opened, needs) : { outcome: 'ignored' };
}

function on<Event>(
  schema: z.ZodType<Event>,
  handle: (event: Event, opened: OpenedMessage, needs: EventNeeds) => Promise<Outcome>,
): EventHandler {
  return async (opened, needs) => {
    const event = schema.safeParse(opened.message.fields);
    return event.success ? handle(event.data, opened, needs) : { outcome: 'unusable' };
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

/** An event about a user, if there is one and was when it happened. */
function ofUser<Event extends z.output<typeof consentEvent>>(
  schema: z.ZodType<Event>,
  audit: AuditEvent,
  handle: (needs: EventNeeds, user: User, event: Event) => Promise<void>,
): EventHandler {
  return on(schema, async (event, { appid, signedAt }, needs) => {
    const user = await needs.users.findByOpenid(appid, event.OpenID);
    if (!user) return { outcome: 'handled' };
    // It happened before it was signed. In plain mode the signature covers this time alone, not CreateTime.
    const at = Math.min(event.CreateTime ?? signedAt, signedAt);
    if (at < madeAt(user)) return { outcome: 'outdated', user: user.id };
    await handle(needs, user, event);
    return { outcome: 'handled', user: user.id, audit };
  });
}

/** In whole seconds, as events have them: one of the same second counts. A row from before us is older than any event. */
function madeAt({ createdAt }: User): number {
  return createdAt === null ? 0 : Math.floor(createdAt.getTime() / 1000);
}
