import { sql } from 'kysely';
import type { Db } from './schema.ts';

/** Takes fields out of the rows that were merged into a user's: migrations/merge.ts keeps each as a JSON object. */
export async function blankMerged(db: Db, userId: number, fields: readonly string[]): Promise<void> {
  const blank = new Set(fields.map((field) => field.toLowerCase()));
  const { rows } = await sql<{ id: number; row: string }>`
    SELECT id AS id, row_json AS \`row\` FROM wxuser_merged WHERE merged_into = ${userId} FOR UPDATE`.execute(
    db,
  );
  for (const { id, row } of rows) {
    // The adopted table may have spelled its columns in another way.
    const kept = Object.entries(JSON.parse(row)).filter(([name]) => !blank.has(name.toLowerCase()));
    const text = JSON.stringify(Object.fromEntries(kept));
    await sql`UPDATE wxuser_merged SET row_json = ${text} WHERE id = ${id}`.execute(db);
  }
}
