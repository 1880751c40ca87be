import { createHash } from 'node:crypto';
import { StartError } from '../start-error.ts';
import type { Side } from './copy-columns.ts';
import { planCopy } from './copy-plan.ts';
import { isSameFile, SAME_DATABASE } from './copy-same.ts';
import { compareTable, copyTable } from './copy-table.ts';
import { createMergedTable } from './migrations/merge.ts';
import { hasUsers, migrateDatabase, planDatabase, requireUsers, withPatientDatabase } from './open.ts';
import type { Tables } from './schema.ts';
import { missingFile } from './sqlite-file.ts';
import type { Report } from './steps.ts';

export interface CopyOptions {
  /** Columns of the user's own, and tables, that stay behind. */
  readonly leaveOut: readonly string[];
  readonly report: Report;
}

export interface CopyResult {
  readonly users: number;
  readonly sessions: number;
  /** Rows that were missing or different in the target. */
  readonly written: number;
  /** SHA-256 over all rows in the order of their keys, the same on both sides. */
  readonly checksum: string;
}

/**
 * Copies what we keep from one database into another, whose tables it makes. Changes nothing in the source.
 * @throws {StartError} for what cannot be copied, before a row is written; when the two differ in the end
 * @throws {AppError} `database_unavailable`
 */
export async function copyDatabase(from: string, to: string, options: CopyOptions): Promise<CopyResult> {
  if (isSameFile(from, to)) throw new StartError(SAME_DATABASE);
  await withPatientDatabase(from, { ifMissing: 'refuse' }, requireUsers);
  await requireUpToDate(from, '--from');
  const hasOthers = missingFile(to) === undefined && (await withPatientDatabase(to, {}, hasUsers));
  if (hasOthers) await requireUpToDate(to, '--to');
  await migrateDatabase(to, { report: options.report, ifNewer: 'refuse' });
  return withPatientDatabase(from, { ifMissing: 'refuse' }, (source, sourceEngine) =>
    withPatientDatabase(to, {}, (target, targetEngine) =>
      copyAll(
        { url: from, db: source, engine: sourceEngine },
        { url: to, db: target, engine: targetEngine },
        options,
      ),
    ),
  );
}

/** A copy alters no table that has users: its adoption is looked at first. */
async function requireUpToDate(url: string, option: string): Promise<void> {
  const [step] = await planDatabase(url, { ifNewer: 'refuse' });
  if (step !== undefined)
    throw new StartError(
      `The tables of ${option} are not up to date (${step}): bring them there first, by weapp-login migrate with this DATABASE_URL`,
    );
}

/**
 * Copies what we keep from one database into another, ids kept, with the columns that the user added. Writes only what is
 * missing or different there, so a copy that was interrupted is finished by the next, and one that is run again brings the
 * latest changes.
 */
async function copyAll(from: Side, to: Side, { leaveOut, report }: CopyOptions): Promise<CopyResult> {
  const { tables, needsMergedTable } = await planCopy(from, to, leaveOut);
  if (needsMergedTable) await createMergedTable(to.db).run();
  let written = 0;
  for (const table of tables) written += await copyTable(table, from, to, report);
  const hash = createHash('sha256');
  const rows: Partial<Record<keyof Tables, number>> = {};
  for (const table of tables) rows[table.name] = await compareTable(table, from, to, hash);
  return { users: rows.wxuser ?? 0, sessions: rows.wxsession ?? 0, written, checksum: hash.digest('hex') };
}
