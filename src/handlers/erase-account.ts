import type { Sessions } from '../auth/sessions.ts';
import type { Users } from '../db/users.ts';

export interface EraseNeeds {
  readonly users: Users;
  readonly sessions: Sessions;
}

/** Erases a user: his row, his sessions, and what a merge kept of him. His tokens are dead at once. */
export async function eraseAccount({ users, sessions }: EraseNeeds, id: number): Promise<void> {
  // First, so that nothing is erased while the sessions cannot be ended; and again for a login that came between.
  await sessions.endAll(id);
  await users.erase(id);
  await sessions.endAll(id);
}
