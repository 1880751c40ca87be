import { createHash } from 'node:crypto';
import { sql } from 'kysely';
import type { Db, Engine, WxUserRow } from './schema.ts';
import type { Report } from './steps.ts';

/** What is copied, table by table, with every column that is ours. */
const COLUMNS = [
  'id',
  'appid',
  'user_id',
  'unionid',
  'nickName',
  'avatar',
  'gender',
  'phone',
  'status',
  'own_nickName',
  'own_avatar',
  'own_gender',
  'created_at',
  'updated_at',
  'last_login_at',
] as const satisfies readonly (keyof WxUserRow)[];

const CHUNK = 1000;
const TELL_EVERY = 20_000;

export interface Side {
  readonly db: Db;
  readonly engine: Engine;
}

export interface CopyResult {
  readonly rows: number;
  /** Those that were missing or different in the target. */
  readonly written: number;
  /** SHA-256 over all rows in the order of their ids, the same on both sides. */
  readonly checksum: string;
}

/**
 * Copies the users from one database into another, ids kept. Writes only what is missing or different there, so a copy
 * that was interrupted is finished by the next, and one that is run again brings the latest changes.
 * @throws {Error} when the target has users that the source has not, or the two differ in the end
 */
export async function copyUsers(from: Side, to: Side, report: Report): Promise<CopyResult> {
  const total = await count(from.db);
  let [done, written, after] = [0, 0, 0];
  for (let rows = await chunk(from.db, after); rows.length > 0; rows = await chunk(from.db, after)) {
    const last = Number(rows.at(-1)?.['id']);
    const there = new Map((await between(to.db, after, last)).map((row) => [row['id'], digest([row])]));
    const news = rows.filter((row) => there.get(row['id']) !== digest([row]));
    if (news.length > 0) await write(to, news);
    written += news.length;
    if (Math.floor((done + rows.length) / TELL_EVERY) > Math.floor(done / TELL_EVERY)) {
      report(`${done + rows.length} of ${total} users (${written} written)`);
    }
    done += rows.length;
    after = last;
  }
  return { ...(await compare(from.db, to.db)), written };
}

type Row = Readonly<Record<string, string | number | null>>;

async function count(db: Db): Promise<number> {
  const { n } = await db
    .selectFrom('wxuser')
    .select(db.fn.countAll<number>().as('n'))
    .executeTakeFirstOrThrow();
  return Number(n);
}

function select(db: Db) {
  // By our own spelling: an adopted table may write its columns in capitals.
  return db
    .selectFrom('wxuser')
    .select(COLUMNS.map((column) => sql.ref(column).as(column)))
    .orderBy('id');
}

async function chunk(db: Db, after: number): Promise<Row[]> {
  return normal(await select(db).where('id', '>', after).limit(CHUNK).execute());
}

async function between(db: Db, after: number, last: number): Promise<Row[]> {
  return normal(await select(db).where('id', '>', after).where('id', '<=', last).execute());
}

/** The same row looks the same from every engine. */
function normal(rows: readonly object[]): Row[] {
  return rows.map((row) => ({ ...row, gender: Number((row as Row)['gender'] ?? 0) }) as Row);
}

async function write({ db, engine }: Side, rows: readonly Row[]): Promise<void> {
  const changed = COLUMNS.filter((column) => column !== 'id');
  const insert = db.insertInto('wxuser').values(rows as never);
  const statement =
    engine === 'mysql'
      ? insert.onDuplicateKeyUpdate(Object.fromEntries(changed.map((c) => [c, sql`VALUES(${sql.ref(c)})`])))
      : insert.onConflict((conflict) =>
          conflict
            .column('id')
            .doUpdateSet(Object.fromEntries(changed.map((c) => [c, sql.ref(`excluded.${c}`)]))),
        );
  await statement.execute();
}

async function compare(from: Db, to: Db): Promise<Omit<CopyResult, 'written'>> {
  const [source, target] = await Promise.all([fingerprint(from), fingerprint(to)]);
  if (source.rows === target.rows && source.checksum === target.checksum) return source;
  const said = ({ rows, checksum }: Omit<CopyResult, 'written'>) =>
    `${rows} users, checksum ${checksum.slice(0, 16)}`;
  throw new Error(
    `The two databases differ: ${said(source)} in the source, ${said(target)} in the target. ` +
      'Either users logged in meanwhile (run it again, with the server stopped), or the target had users of its own',
  );
}

async function fingerprint(db: Db): Promise<Omit<CopyResult, 'written'>> {
  const hash = createHash('sha256');
  let [rows, after] = [0, 0];
  for (let part = await chunk(db, after); part.length > 0; part = await chunk(db, after)) {
    for (const row of part) hash.update(JSON.stringify(row));
    rows += part.length;
    after = Number(part.at(-1)?.['id']);
  }
  return { rows, checksum: hash.digest('hex') };
}

function digest(rows: readonly Row[]): string {
  return JSON.stringify(rows);
}
