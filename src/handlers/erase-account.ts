import type { Sessions } from '../auth/sessions.ts';
import type { Avatars, Owner } from '../avatars/avatars.ts';
import type { Users } from '../db/users.ts';

export interface EraseNeeds {
  readonly users: Users;
  readonly sessions: Sessions;
  readonly avatars: Avatars;
}

/**
 * Erases a user: his row, his picture, his sessions, and what a merge kept of him. His tokens are dead at once.
 * @param owner with the session that he asks with, if he does: it goes also where Redis has forgotten which are his
 */
export async function eraseAccount(
  { users, sessions, avatars }: EraseNeeds,
  owner: Owner & { readonly sid?: string },
): Promise<void> {
  const { id, sid } = owner;
  // First, so that nothing is erased while the picture cannot be removed or the sessions cannot be ended; and again
  // for an upload and a login that came between.
  await avatars.remove(owner, (await users.findById(id))?.avatar);
  await sessions.endAll(id, true);
  if (sid !== undefined) await sessions.end(id, sid);
  const avatar = await users.erase(id);
  await sessions.endAll(id, true);
  await avatars.discard(owner, avatar);
}
