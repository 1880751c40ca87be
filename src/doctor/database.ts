import { sql } from 'kysely';
import type { Config } from '../config.ts';
import { describeTable, type Table } from '../db/mysql-table.ts';
import { engineOf, planDatabase, withPatientDatabase } from '../db/open.ts';
import { fromColumn } from '../db/schema.ts';
import { compareClocks, type Finding } from './finding.ts';

const subject = 'database';

/**
 * Looks at the database, and changes nothing.
 * @throws {AppError} `database_unavailable` when it cannot be reached
 */
export async function examineDatabase({ databaseUrl: url }: Config, now: () => Date): Promise<Finding[]> {
  const findings: Finding[] = [{ level: 'ok', subject, says: `answers (${engineOf(url)})` }];
  const pending = await planDatabase(url, {
    report: (says) => void findings.push({ level: 'warning', subject, says }),
  });
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
      ...compareClocks(subject, rows[0] && fromColumn(rows[0].at), now()),
      ...(table && pending.length === 0 ? examineTable(table) : []),
    ];
  });
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
