import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { adoptionServers, openWorkshop, readBefore, type Workshop } from './support/adopted.ts';
import { type RandomTable, randomTables } from './support/random-tables.ts';

/** How many tables, and which: `RANDOM_TABLES=1000 RANDOM_TABLES_SEED=7 npx vitest run test/adoption-random.test.ts`. */
const TABLES = Number(process.env['RANDOM_TABLES'] ?? 8);
const SEED = Number(process.env['RANDOM_TABLES_SEED'] ?? 20_261_128);

type Outcome = 'no such table here' | 'refused' | 'taken over after what helps' | 'taken over at once';

describe.skipIf(adoptionServers.length === 0)('random tables', () => {
  test.each(adoptionServers)(
    'on $server: refused by name and not touched, until what helps is done; then every row is as it was, and logins work',
    { timeout: 60_000 + TABLES * 4000 },
    async ({ server, url }) => {
      const workshop = await openWorkshop(url);
      const outcomes = new Map<Outcome, number>();
      const reasons = new Map<string, number>();
      const failures: string[] = [];
      for (const table of fc.sample(randomTables, { numRuns: TABLES, seed: SEED })) {
        const outcome = await take(workshop, table, (reason) => count(reasons, reason)).catch(
          (error: Error) => {
            failures.push(`${[...table.sql, ...table.around].join(';\n')};\n${error.message}`);
          },
        );
        if (outcome) count(outcomes, outcome);
      }
      process.stdout.write(
        `${server}, ${TABLES} tables, seed ${SEED}\n${listed(outcomes)}refused for:\n${listed(reasons)}`,
      );
      expect(failures.join('\n\n')).toBe('');
      expect(outcomes.get('taken over after what helps') ?? 0).toBeGreaterThan(0);
      expect(outcomes.get('taken over at once') ?? 0).toBeGreaterThan(0);
    },
  );
});

async function take(
  { connection, clear, takeOver, works }: Workshop,
  { sql, around }: RandomTable,
  refused: (reason: string) => void,
): Promise<Outcome> {
  await clear();
  try {
    for (const statement of sql) await connection.query(statement);
  } catch {
    return 'no such table here';
  }
  for (const statement of around) await connection.query(statement).catch(() => undefined);

  let timezone: string | undefined;
  for (let round = 0; round < 8; round++) {
    const before = await readBefore(connection);
    const error = await takeOver(timezone);
    if (!error) {
      await works(before, timezone);
      return round === 0 ? 'taken over at once' : 'taken over after what helps';
    }
    for (const { says, helps } of error.problems) {
      refused(says.replace(/\d+/g, 'n').slice(0, 70));
      if (/DB_TIMEZONE/.test(says)) timezone = '+08:00';
      else if (helps.length === 0) return 'refused';
      for (const help of helps) await connection.query(help);
    }
  }
  throw new Error('still refused after eight rounds of what helps');
}

function count<Key>(counts: Map<Key, number>, key: Key): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

function listed(counts: ReadonlyMap<string, number>): string {
  const sorted = [...counts].sort(([, a], [, b]) => b - a);
  return sorted.map(([what, n]) => `${String(n).padStart(6)} × ${what}\n`).join('');
}
