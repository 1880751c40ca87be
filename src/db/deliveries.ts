import { createHash } from 'node:crypto';
import { CLAIM_MS, type Deliveries } from '../wechat/deliveries.ts';
import { withDatabaseFailures } from './failures.ts';
import type { Database } from './open.ts';
import { toColumn } from './schema.ts';
import { sweeper } from './sweep.ts';
import { unlessThere } from './unless-there.ts';

const DONE = 'done';

/** Remembers in the database, by digests only: see schema.ts. */
export function createDeliveries({ db, engine }: Database, now: () => Date): Deliveries {
  const sweep = sweeper(db, now);
  return withDatabaseFailures<Deliveries>({
    async tie(signature, message) {
      await sweep();
      return (await insertOrRead(keyOf('signature', signature), message)) === message;
    },

    async claim(message, owner) {
      const digest = keyOf('message', message);
      const state = await insertOrRead(digest, owner);
      if (state === owner) return 'claimed';
      if (state === DONE) return 'done';
      const taken = await db
        .updateTable('wxcallback_delivery')
        .set({ state: owner, created_at: toColumn(now()) })
        .where('digest', '=', digest)
        .where('state', '=', state)
        .where('created_at', '<=', toColumn(new Date(now().getTime() - CLAIM_MS)))
        .executeTakeFirst();
      return taken.numUpdatedRows > 0n ? 'claimed' : 'busy';
    },

    async done(message) {
      await db
        .updateTable('wxcallback_delivery')
        .set({ state: DONE, created_at: toColumn(now()) })
        .where('digest', '=', keyOf('message', message))
        .execute();
    },

    async release(message, owner) {
      await db
        .deleteFrom('wxcallback_delivery')
        .where('digest', '=', keyOf('message', message))
        .where('state', '=', owner)
        .execute();
    },
  });

  /** The unique key lets one of several insert; answers what is there now. */
  async function insertOrRead(digest: string, state: string): Promise<string> {
    const row = { digest, state, created_at: toColumn(now()) };
    await unlessThere(engine, db.insertInto('wxcallback_delivery').values(row), ['digest']).execute();
    const found = await db
      .selectFrom('wxcallback_delivery')
      .select('state')
      .where('digest', '=', digest)
      .executeTakeFirst();
    return found?.state ?? state;
  }
}

/** Of any length and with any characters, as one of each kind. */
function keyOf(kind: 'signature' | 'message', text: string): string {
  return createHash('sha256').update(`${kind} ${text}`).digest('hex');
}
