import { randomUUID } from 'node:crypto';
import { statSync } from 'node:fs';
import { sql } from 'kysely';
import type { Side } from './copy-columns.ts';
import { databaseFailure } from './failures.ts';

export const SAME_DATABASE = '--from and --to are the same database';

/** Whether two `sqlite:` URLs lead to one file, by whatever links. */
export function isSameFile(one: string, other: string): boolean {
  if (!one.startsWith('sqlite:') || !other.startsWith('sqlite:')) return false;
  const [a, b] = [one, other].map((url) => statSync(url.slice('sqlite:'.length), { throwIfNoEntry: false }));
  return a !== undefined && b !== undefined && a.dev === b.dev && a.ino === b.ino;
}

/** Whether two connections lead to one database of one MySQL server: a lock that is taken on one is seen on the other. */
export async function isSameSchema(one: Side, other: Side): Promise<boolean> {
  if (one.engine !== 'mysql' || other.engine !== 'mysql') return false;
  const name = `weapp-login-${randomUUID()}`;
  const answer = one.db.connection().execute(async (connection) => {
    const schema = await sql<{ name: string; held: number }>`
      SELECT DATABASE() AS name, GET_LOCK(${name}, 0) AS held`.execute(connection);
    const seen = await sql<{ name: string; holder: number | null }>`
      SELECT DATABASE() AS name, IS_USED_LOCK(${name}) AS holder`.execute(other.db);
    await sql`SELECT RELEASE_LOCK(${name})`.execute(connection);
    return seen.rows[0]?.holder !== null && schema.rows[0]?.name === seen.rows[0]?.name;
  });
  // What only speaks the protocol may have no such locks.
  return answer.catch((error: unknown) => {
    const failure = databaseFailure(error);
    if (failure) throw failure;
    return false;
  });
}
