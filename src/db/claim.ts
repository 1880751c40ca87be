import { sql } from 'kysely';
import { columnsOfUsers, mergeUser } from './migrations/merge.ts';
import type { Db } from './schema.ts';

const BATCH = 5000;

/**
 * Gives the rows that belong to no app yet to the first real one: those of an adopted table, and those that the
 * tutorial's own server went on inserting. One that has a twin in the app already is merged with it.
 * @returns how many there were
 */
export async function claimRows(db: Db, appid: string): Promise<number> {
  const columns = await columnsOfUsers(db);
  // The server would set them to now.
  const kept = columns
    .filter(({ onUpdate }) => onUpdate)
    .map(({ name }) => sql`${sql.id(name)} = ${sql.id(name)}`);
  const set = sql.join([sql`appid = ${appid}`, ...kept]);
  let claimed = 0;
  for (;;) {
    const twins = await sql<{ openid: string }>`
      SELECT a.user_id AS openid FROM wxuser a JOIN wxuser b ON b.appid = ${appid} AND b.user_id = a.user_id
      WHERE a.appid = '' LIMIT ${BATCH}`.execute(db);
    for (const { openid } of twins.rows) await mergeUser(db, columns, [appid, ''], openid, appid);
    const { numAffectedRows = 0n } = await sql`
      UPDATE IGNORE wxuser SET ${set} WHERE appid = '' ORDER BY id LIMIT ${BATCH}`.execute(db);
    claimed += twins.rows.length + Number(numAffectedRows);
    if (twins.rows.length === 0 && numAffectedRows === 0n) return claimed;
  }
}
