import { sql } from 'kysely';
import { withDatabaseFailures } from './failures.ts';
import type { Database } from './open.ts';

/** Asks the database whether it can serve logins; fails with `database_unavailable`. */
export function createPing({ db }: Database): () => Promise<void> {
  const { ping } = withDatabaseFailures({
    ping: async () => void (await sql`SELECT 1 FROM wxuser WHERE id = 0`.execute(db)),
  });
  return ping;
}
