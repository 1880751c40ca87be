import { type Migration, sql } from 'kysely';
import type { Db } from './schema.ts';

/** Told what a migration does, in a sentence each. */
export type Report = (what: string) => void;

/** One thing that is still to do, with its size. */
export interface Step {
  readonly what: string;
  run(): Promise<unknown>;
}

/**
 * A change of the tables that finds out by itself what of it is still to do. So one that was killed half-way goes on
 * where it stood, and one that another instance finishes at the same time is not done twice.
 */
export interface Change {
  /** What is still to do, in order; nothing when all is done. Changes nothing itself. */
  plan(db: Db): Promise<readonly Step[]>;
}

export interface Watcher {
  readonly report: Report;
  /** A second way to the database, to look at how far a long statement is. */
  readonly beside: Db;
}

const TELL_EVERY_MS = 2000;

/**
 * Runs a change as one of kysely's migrations: plan, do the first step, plan again, until nothing is left. A step that
 * fails is forgiven if the plan looks different afterwards: another instance did it, or the tutorial's own server has
 * made new duplicates just before their key was made.
 */
export function asMigration(change: Change, { report, beside }: Watcher): Migration {
  return {
    async up(db: Db) {
      for (let [step] = await change.plan(db); step; ) {
        report(step.what);
        const stop = await tellProgress(db, beside, report);
        const failed = await step.run().then(
          () => undefined,
          (error: Error) => error,
        );
        stop();
        const [next] = await change.plan(db);
        if (next?.what === step.what) throw failed ?? new Error(`A step did not do its work: ${step.what}`);
        step = next;
      }
    },
  };
}

/** Says every two seconds how long a step has taken, and how far it is where the server tells (MariaDB does). */
async function tellProgress(db: Db, beside: Db, report: Report): Promise<() => void> {
  const id = await sql<{ id: number }>`SELECT CONNECTION_ID() AS id`.execute(db).then(
    ({ rows }) => rows[0]?.id,
    () => undefined, // SQLite has no connections to ask for
  );
  const started = Date.now();
  const timer = setInterval(async () => {
    const seconds = Math.round((Date.now() - started) / 1000);
    const { rows } = await sql<{ STAGE: number; MAX_STAGE: number; PROGRESS: number }>`
      SELECT STAGE, MAX_STAGE, PROGRESS FROM information_schema.PROCESSLIST WHERE ID = ${id}`
      .execute(beside)
      .catch(() => ({ rows: [] }));
    const [at] = rows;
    const far =
      at && at.MAX_STAGE > 0 ? `, stage ${at.STAGE} of ${at.MAX_STAGE}: ${Number(at.PROGRESS)} %` : '';
    report(`  … ${seconds} s${far}`);
  }, TELL_EVERY_MS);
  return () => clearInterval(timer);
}
