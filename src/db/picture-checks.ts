import { sql } from 'kysely';
import type { UserId } from '../user-id.ts';
import { withDatabaseFailures } from './failures.ts';
import { idParam } from './id-param.ts';
import type { Database } from './open.ts';
import { toColumn } from './schema.ts';
import { sweeper } from './sweep.ts';

/** What WeChat found out of a picture; `failed`: it could not look at it, and `label` is the errcode. */
export interface PictureVerdict {
  readonly suggest: 'pass' | 'review' | 'risky' | 'failed';
  readonly label: number;
}

/** A picture that WeChat was asked about. */
export interface PictureCheck {
  readonly userId: UserId;
  readonly avatar: string;
  /** Missing until WeChat has told it. */
  readonly verdict: PictureVerdict | undefined;
}

/** The pictures that WeChat was asked about in the last day, by trace_id. Verdict and question may come in either order. */
export interface PictureChecks {
  /** Remembers whose picture it is. Remembers nothing of a user whose row is gone. */
  asked(traceId: string, userId: UserId, avatar: string): Promise<void>;
  /** Remembers the verdict, and answers what it is about, if that is known already. */
  answered(traceId: string, verdict: PictureVerdict): Promise<PictureCheck | undefined>;
  find(traceId: string): Promise<PictureCheck | undefined>;
}

export function createPictureChecks({ db, engine }: Database, now: () => Date): PictureChecks {
  const sweep = sweeper(db, now);
  return withDatabaseFailures<PictureChecks>({
    async asked(traceId, userId, avatar) {
      const news = { wxuser_id: userId, avatar };
      // Out of wxuser: an erasure at the same time is before it, and then there is no row, or after it, and takes it along.
      const insert = db
        .insertInto('wxmedia_check')
        .columns(['trace_id', 'wxuser_id', 'avatar', 'created_at'])
        .expression((from) =>
          from
            .selectFrom('wxuser')
            .select([
              sql<string>`${traceId}`.as('trace_id'),
              'id',
              sql<string>`${avatar}`.as('avatar'),
              sql<string>`${toColumn(now())}`.as('created_at'),
            ])
            .where('id', '=', idParam(userId)),
        );
      await (engine === 'sqlite'
        ? insert.onConflict((conflict) => conflict.column('trace_id').doUpdateSet(news))
        : insert.onDuplicateKeyUpdate(news)
      ).execute();
      await sweep();
    },

    async answered(traceId, verdict) {
      const { suggest, label } = verdict;
      const row = { trace_id: traceId, suggest, label, created_at: toColumn(now()) };
      const insert = db.insertInto('wxmedia_check').values(row);
      await (engine === 'sqlite'
        ? insert.onConflict((conflict) => conflict.column('trace_id').doUpdateSet({ suggest, label }))
        : insert.onDuplicateKeyUpdate({ suggest, label })
      ).execute();
      await sweep();
      return find(traceId);
    },

    find,
  });

  async function find(traceId: string): Promise<PictureCheck | undefined> {
    const row = await db
      .selectFrom('wxmedia_check')
      .select(['wxuser_id', 'avatar', 'suggest', 'label'])
      .where('trace_id', '=', traceId)
      .executeTakeFirst();
    if (!row || row.wxuser_id === null || row.avatar === null) return undefined;
    const { wxuser_id: userId, avatar, suggest, label } = row;
    return { userId, avatar, verdict: suggest === null ? undefined : { suggest, label: label ?? 0 } };
  }
}
