import { type RawBuilder, sql } from 'kysely';
import type { UserId } from '../user-id.ts';

/** An id to compare a column with. It is not quoted: MySQL may round both sides to compare a number with a text. */
export function idParam(id: UserId): RawBuilder<UserId> {
  return sql`${BigInt(id)}`;
}
