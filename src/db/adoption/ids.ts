import { sql } from 'kysely';
import { only } from '../mysql-definition.ts';
import type { Column, Table } from '../mysql-table.ts';
import type { Db } from '../schema.ts';
import type { Problem } from './problem.ts';

/** How many bytes an integer has. */
const BYTES: Readonly<Record<string, bigint>> = {
  tinyint: 1n,
  smallint: 2n,
  mediumint: 3n,
  int: 4n,
  bigint: 8n,
};
/** With room for fewer, logins of new users would soon fail. */
const ROOM = 1_000_000n;

/** The largest id that a column of integers can hold. */
export function largestOf({ type, fullType }: Pick<Column, 'type' | 'fullType'>): bigint {
  const bits = 8n * (BYTES[type] ?? 4n);
  return 2n ** (/unsigned|zerofill/i.test(fullType) ? bits : bits - 1n) - 1n;
}

/** Whether no two rows can have the same id. */
export function idIsUnique({ keys }: Pick<Table, 'keys'>): boolean {
  return [...keys.values()].some(({ unique, columns }) => unique && columns.join() === 'id');
}

/** What keeps the ids of a table from being those of users: they are above 0, one for each row, and there are more of them. */
export async function idProblems(db: Db, table: Table): Promise<Problem[]> {
  const id = table.columns.get('id');
  if (!id || !(id.type in BYTES)) return [];
  const { rows } = await sql<Record<string, string | number | null>>`
    SELECT CAST(MAX(id) AS CHAR) AS highest, SUM(id < 1) AS low, COUNT(*) AS n, COUNT(id) AS given FROM wxuser`.execute(
    db,
  );
  const { highest, low, n, given } = rows[0] ?? {};
  const twice = idIsUnique(table) ? 0 : await countShared(db);
  const missing = Number(n ?? 0) - Number(given ?? 0);
  const roomy =
    `ALTER TABLE wxuser MODIFY ${id.name} BIGINT UNSIGNED NOT NULL${id.autoIncrement ? ' AUTO_INCREMENT' : ''} ${only(id.definition, 'comment')}`.trimEnd();
  const used = BigInt(highest ?? 0);
  const counted = id.autoIncrement ? countedTo(table) : 0n;
  const room = largestOf(id) - (counted > used ? counted : used);
  const lower = largestOf(id) - used > ROOM && id.type === 'bigint';
  const problem = (says: string, ...helps: string[]): Problem => ({
    what: `${id.name} ${id.definition}`,
    says,
    helps,
  });
  return [
    ...(Number(low ?? 0) > 0 ? [problem(`${low} rows have an id below 1: give them other ids`)] : []),
    ...(missing > 0 ? [problem(`${missing} rows have no id: give them one`)] : []),
    ...(twice > 0 ? [problem(`${twice} rows share their id with another row: give each its own`)] : []),
    ...(room < ROOM
      ? [
          problem(
            `it has room for ${room} more users`,
            lower ? `ALTER TABLE wxuser AUTO_INCREMENT = ${used + 1n}` : roomy,
          ),
        ]
      : []),
    // It would be read with its leading zeros, as another text than the same id elsewhere.
    ...(/zerofill/i.test(id.fullType) && id.type === 'bigint'
      ? [problem('it is filled up with zeros', roomy)]
      : []),
  ];
}

/** The id before the one that the next row gets, which may be far above the highest. */
function countedTo({ definition }: Table): bigint {
  const options = definition.split('\n').find((line) => line.startsWith(')')) ?? '';
  return BigInt(/ ENGINE=\w+ AUTO_INCREMENT=(\d+)/.exec(options)?.[1] ?? 1) - 1n;
}

async function countShared(db: Db): Promise<number> {
  const { rows } = await sql<{ n: number | string | null }>`
    SELECT SUM(n) AS n FROM (SELECT COUNT(*) AS n FROM wxuser WHERE id IS NOT NULL GROUP BY id HAVING COUNT(*) > 1) AS shared`.execute(
    db,
  );
  return Number(rows[0]?.n ?? 0);
}
