import type { UserId } from '../user-id.ts';
import { idParam } from './id-param.ts';
import type { Db } from './schema.ts';

/** That of a user's sessions which have not all been ended at once; undefined if there is no such user. */
export async function generationOf(db: Db, userId: UserId): Promise<number | undefined> {
  const row = await db
    .selectFrom('wxuser')
    .select('session_generation as generation')
    .where('id', '=', idParam(userId))
    .executeTakeFirst();
  return row?.generation;
}

/** Ends every session of a user, wherever it is kept and whatever is known of it: each bears the generation of its login. */
export async function nextGeneration(db: Db, userId: UserId): Promise<void> {
  await db
    .updateTable('wxuser')
    .set((column) => ({ session_generation: column('session_generation', '+', 1) }))
    .where('id', '=', idParam(userId))
    .execute();
}
