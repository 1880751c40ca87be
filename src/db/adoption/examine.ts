import { sql } from 'kysely';
import { countDuplicates } from '../migrations/merge.ts';
import { describeTable, type Table } from '../mysql-table.ts';
import type { Db } from '../schema.ts';
import { alterationsOf, isBegun, timestampClause, zonelessTimes } from './alterations.ts';
import { findingsOfForeignKeys, problemsOfTable, problemsOfTriggers } from './constraints.ts';
import { UNIONID_KEY, UNIQUE_KEY } from './definitions.ts';
import { idProblems } from './ids.ts';
import { problemsOfBlanks, problemsOfFulltext, problemsOfKeys } from './keys.ts';
import { problemOfOpenid } from './openids.ts';
import { problemsOfOurColumns } from './our-columns.ts';
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
  const ofOpenid = await problemOfOpenid(db, table, adopted);
  if (ofOpenid) return { problems: [ofOpenid], notes: [] };

  const alterations = adopted ? [] : await alterationsOf(db, table);
  const duplicates =
    adopted || table.keys.has('wxuser_appid_user_id') ? 0 : (await countDuplicates(db, table)).rows;
  const ids = await idProblems(db, table);
  const idChanges = ids.some(({ helps }) => helps.some((help) => help.includes(' MODIFY ')))
    ? [{ column: 'id', clause: '' }]
    : [];
  const foreign = await findingsOfForeignKeys(db, [...alterations, ...idChanges], duplicates);
  const problems = eachOnce([
    // They are in the way of what helps against others.
    ...foreign.problems,
    ...problemsOfTable(table),
    ...(await problemsOfOurColumns(db, table)),
    ...ids,
    ...problemsOfOwnColumns(table),
    ...problemsOfComputed(table, alterations),
    ...problemsOfKeys(table),
    ...problemsOfFulltext(table, alterations),
    ...(await problemsOfBlanks(db, table, alterations)),
    ...(adopted || isBegun(table) ? [] : await problemsOfTriggers(db)),
    ...(adopted ? [] : await problemsOfTimes(db, table, timezone)),
    ...(duplicates > 0 ? await problemsOfDays(db, table, timezone) : []),
  ]);
  const notes = [...notesOfOwnColumns(table), ...foreign.notes];
  const tried =
    problems.length > 0
      ? NOTHING
      : await tryOut(db, table, adopted ? [] : altersOf(table, alterations, timezone));
  return { problems: [...problems, ...tried.problems], notes: [...notes, ...tried.notes] };
}

/** A statement that helps against several problems is said with the first. */
function eachOnce(problems: readonly Problem[]): Problem[] {
  const said = new Set<string>();
  return problems.map(({ helps, ...problem }) => {
    const news = helps.filter((help) => !said.has(help));
    for (const help of news) said.add(help);
    return { ...problem, helps: news };
  });
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
