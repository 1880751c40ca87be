import { StartError } from '../start-error.ts';
import { COLUMNS } from './columns.ts';
import type { Db, Tables } from './schema.ts';

/** Only where a tutorial's table was adopted. */
const ADOPTED_ONLY: keyof Tables = 'wxuser_merged';

/** Somebody may have changed by hand what the migrations made. @throws {StartError} naming every table and column that is missing */
export async function checkTables(db: Db): Promise<void> {
  const there = await db.introspection.getTables();
  const columnsOf = new Map(
    there.map(({ name, columns }) => [
      name.toLowerCase(),
      columns.map((column) => column.name.toLowerCase()),
    ]),
  );
  const problems = Object.entries(COLUMNS).flatMap(([table, columns]) => {
    const found = columnsOf.get(table);
    if (!found) return table === ADOPTED_ONLY ? [] : [`the table ${table} is gone`];
    // An adopted table may spell them in another way.
    const missing = Object.keys(columns).filter((column) => !found.includes(column.toLowerCase()));
    return missing.length === 0 ? [] : [`${table} has no ${missing.join(', ')}`];
  });
  if (problems.length === 0) return;
  throw new StartError(
    `The tables are not as the migrations left them: ${problems.join('; ')}. ` +
      'Restore the backup, or put back what is missing, as a new database has it.',
  );
}
