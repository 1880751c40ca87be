import { sql } from 'kysely';
import { countDuplicates } from '../migrations/merge.ts';
import { describeTable, type Table } from '../mysql-table.ts';
import type { Db } from '../schema.ts';
import { alterationsOf, isBegun, timestampClause, zonelessTimes } from './alterations.ts';
import { findingsOfForeignKeys, problemsOfTable, problemsOfTriggers } from './constraints.ts';
import { UNIONID_KEY, UNIQUE_KEY } from './definitions.ts';
import { idProblems } from './ids.ts';
import { problemsOfBlanks, problemsOfFulltext, problemsOfKeys } from './keys.ts';
import { problemOfOpenid, problemsOfOurColumns } from './our-columns.ts';
import { notesOfOwnColumns, problemsOfComputed, problemsOfOwnColumns } from './own-columns.ts';
import type { Findings, Problem } from './problem.ts';
import { problemsOfDays, problemsOfTimes, UTC } from './times.ts';
import { type Alter, tryOut } from './trial.ts';

interface Options {
  /** Whether the table is ours already: then it is examined as it is. */
  readonly adopted?: boolean;
  /** Of the times that a table has, such as `+08:00`. */
  readonly timezone?: string | undefined;
}

const NOTHING: Findings = { problems: [], notes: [] };

/**
 * Examines the table wxuser that is there: whether it can be taken over, or, where it has been, whether logins still
 * work on it. Changes nothing.
 */
export async function examineUsers(db: Db, { adopted = false, timezone }: Options = {}): Promise<Findings> {
  const table = await describeTable(db, 'wxuser');
  if (!table) return { problems: await problemsOfName(db), notes: [] };
  if (table.kind !== 'BASE TABLE') return { problems: [problemOfKind(table)], notes: [] };
  const ofOpenid = problemOfOpenid(table);
  if (ofOpenid) return { problems: [ofOpenid], notes: [] };

  const alterations = adopted ? [] : await alterationsOf(db, table);
  const duplicates =
    adopted || table.keys.has('wxuser_appid_user_id') ? 0 : (await countDuplicates(db, table)).rows;
  const foreign = await findingsOfForeignKeys(db, alterations, duplicates);
  const problems = [
    ...problemsOfTable(table),
    ...(await problemsOfOurColumns(db, table)),
    ...(await idProblems(db, table)),
    ...problemsOfOwnColumns(table),
    ...problemsOfComputed(table, alterations),
    ...problemsOfKeys(table),
    ...problemsOfFulltext(table, alterations),
    ...(await problemsOfBlanks(db, table, alterations)),
    ...foreign.problems,
    ...(adopted || isBegun(table) ? [] : await problemsOfTriggers(db)),
    ...(adopted ? [] : await problemsOfTimes(db, table, timezone)),
    ...(duplicates > 0 ? await problemsOfDays(db, table, timezone) : []),
  ];
  const notes = [...notesOfOwnColumns(table), ...foreign.notes];
  const tried =
    problems.length > 0
      ? NOTHING
      : await tryOut(db, table, adopted ? [] : altersOf(table, alterations, timezone));
  return { problems: [...problems, ...tried.problems], notes: [...notes, ...tried.notes] };
}

/** What will be done, as one ALTER TABLE each. */
function altersOf(
  table: Table,
  alterations: Awaited<ReturnType<typeof alterationsOf>>,
  timezone: string | undefined,
): Alter[] {
  const zoneless = isBegun(table) || timezone === undefined || timezone === UTC ? [] : zonelessTimes(table);
  const names = new Set(zoneless.map(({ name }) => name.toLowerCase()));
  return [
    { clauses: zoneless.map(timestampClause), timezone },
    {
      clauses: alterations
        .filter(({ column }) => column === undefined || !names.has(column))
        .map(({ clause }) => clause),
    },
    { clauses: table.keys.has('wxuser_appid_user_id') ? [] : [`ADD ${UNIQUE_KEY}`] },
    { clauses: table.keys.has('wxuser_unionid') ? [] : [`ADD ${UNIONID_KEY}`] },
  ];
}

function problemOfKind({ kind }: Table): Problem {
  return { what: kind, says: 'wxuser must be a plain table: rename this one, or drop it', helps: [] };
}

/** Where names of tables differ by case, `WxUser` is another table, and its users would come as new ones. */
async function problemsOfName(db: Db): Promise<Problem[]> {
  const { rows } = await sql<{ name: string }>`
    SELECT TABLE_NAME AS name FROM information_schema.TABLES
    WHERE TABLE_SCHEMA = DATABASE() AND LOWER(TABLE_NAME) = 'wxuser'`.execute(db);
  return rows.map(({ name }) => ({
    what: name,
    says: 'to this server wxuser is another table, and the users of this one would come as new ones',
    helps: [`RENAME TABLE \`${name}\` TO wxuser`],
  }));
}
