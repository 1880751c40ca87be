import { sql } from 'kysely';
import type { UserId } from '../user-id.ts';
import { idParam } from './id-param.ts';
import type { Db } from './schema.ts';

/** Takes fields out of the rows that were merged into a user's: migrations/merge.ts keeps each as a JSON object. */
export async function blankMerged(db: Db, userId: UserId, fields: readonly string[]): Promise<void> {
  const blank = new Set(fields.map((field) => field.toLowerCase()));
  const { rows } = await sql<{ id: UserId; row: string }>`
    SELECT id AS id, row_json AS \`row\` FROM wxuser_merged WHERE merged_into = ${idParam(userId)} FOR UPDATE`.execute(
    db,
  );
  for (const { id, row } of rows) {
    // The adopted table may have spelled its columns in another way.
    const kept = Object.entries(JSON.parse(row)).filter(([name]) => !blank.has(name.toLowerCase()));
    const text = JSON.stringify(Object.fromEntries(kept));
    await sql`UPDATE wxuser_merged SET row_json = ${text} WHERE id = ${idParam(id)}`.execute(db);
  }
}
