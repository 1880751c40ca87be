import { sql } from 'kysely';
import type { Config } from '../config.ts';
import { examineUsers } from '../db/adoption/examine.ts';
import { type Problem, TablesError } from '../db/adoption/problem.ts';
import { describeTable, type Table } from '../db/mysql-table.ts';
import { engineOf, planDatabase, withPatientDatabase } from '../db/open.ts';
import { type Db, fromColumn } from '../db/schema.ts';
import { missingFile } from '../db/sqlite-file.ts';
import { compareClocks, type Finding } from './finding.ts';
import { examineServers } from './mysql.ts';

const subject = 'database';

/**
 * Looks at the database, and changes nothing.
 * @throws {AppError} `database_unavailable` when it cannot be reached
 */
export async function examineDatabase(config: Config, now: () => Date): Promise<Finding[]> {
  const { databaseUrl: url, databaseTimezone: timezone } = config;
  const missing = missingFile(url);
  if (missing !== undefined) {
    const todo =
      'run this in the folder of the server, or correct DATABASE_URL; the first start makes a new database';
    return [{ level: 'problem', subject, says: `there is no file ${missing}`, todo }];
  }
  const findings: Finding[] = [];
  const pending = await planDatabase(url, {
    timezone,
    ifMissing: 'refuse',
    report: (says) => findings.push(warning(says)),
  }).catch((error: unknown) => {
    if (!(error instanceof TablesError)) throw error;
    findings.push(...error.problems.map(findingOf));
    return [];
  });
  const refused = findings.some(({ level }) => level === 'problem');
  findings.unshift({ level: 'ok', subject, says: `answers (${engineOf(url)})` });
  if (pending.length > 0) {
    findings.push({
      level: 'warning',
      subject,
      says: `its tables are not up to date: ${pending.join('; ')}`,
      todo: 'the next start does that, or `weapp-login migrate`',
    });
  }
  if (engineOf(url) === 'sqlite') return findings;
  return withPatientDatabase(url, {}, async (db) => {
    const { rows } = await sql<{ at: string }>`SELECT UTC_TIMESTAMP(3) AS at`.execute(db);
    const table = await describeTable(db, 'wxuser');
    return [
      ...findings,
      ...(await examineServers(url)),
      ...compareClocks(subject, rows[0] && fromColumn(rows[0].at), now()),
      ...(table && pending.length === 0 && !refused ? await examineAdopted(db, table) : []),
    ];
  });
}

const warning = (says: string): Finding => ({ level: 'warning', subject, says });

function findingOf({ what, says, helps }: Problem): Finding {
  const todo = helps.join('; ');
  return { level: 'problem', subject, says: `${what}: ${says}`, ...(todo && { todo }) };
}

async function examineAdopted(db: Db, table: Table): Promise<Finding[]> {
  const { problems, notes } = await examineUsers(db, { adopted: true });
  return [...examineTable(table), ...problems.map(findingOf), ...notes.map(warning)];
}

/** Somebody may have changed what the migrations made. */
function examineTable({ columns }: Table): Finding[] {
  const narrow = ['nickname', 'avatar'].filter((name) => columns.get(name)?.charset !== 'utf8mb4');
  const loose = columns.get('user_id')?.collation?.endsWith('_bin') === false;
  if (narrow.length === 0 && !loose)
    return [{ level: 'ok', subject, says: 'wxuser takes emoji, and tells openids apart by case' }];
  return [
    ...narrow.map((name): Finding => {
      const says = `wxuser.${name} is in ${columns.get(name)?.charset}: a name with an emoji cannot be stored`;
      const todo = 'ALTER TABLE wxuser CONVERT TO CHARACTER SET utf8mb4, then run this again';
      return { level: 'problem', subject, says, todo };
    }),
    ...(loose
      ? [
          {
            level: 'problem' as const,
            subject,
            says: 'wxuser.user_id is not compared byte by byte: openids that differ in case are one user',
            todo: 'ALTER TABLE wxuser MODIFY user_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL',
          },
        ]
      : []),
  ];
}
