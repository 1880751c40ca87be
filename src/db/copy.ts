import { createHash } from 'node:crypto';
import { sql } from 'kysely';
import type { Db, Engine, Tables } from './schema.ts';
import type { Report } from './steps.ts';

/** One table to copy: its key, and every column that is ours. */
interface Copied {
  readonly table: keyof Tables;
  readonly key: string;
  /** Less than any key. */
  readonly before: number | string;
  readonly columns: readonly string[];
  /** Deletes in the target what the source has not. Users are never deleted: they may be the target's own. */
  readonly mirror: boolean;
}

const USERS: Copied = {
  table: 'wxuser',
  key: 'id',
  before: 0,
  columns: [
    ...['id', 'appid', 'user_id', 'unionid', 'nickName', 'avatar', 'gender', 'phone', 'status'],
    ...['own_nickName', 'own_avatar', 'own_gender', 'session_generation'],
    ...['created_at', 'updated_at', 'last_login_at'],
  ],
  mirror: false,
};
const SESSIONS: Copied = {
  table: 'wxsession',
  key: 'sid',
  before: '',
  columns: [
    ...['sid', 'wxuser_id', 'generation', 'session_key', 'device', 'place'],
    ...['created_at', 'last_used_at', 'expires_at'],
  ],
  mirror: true,
};
const REVOKED: Copied = {
  table: 'wxsession_revoked',
  key: 'sid',
  before: '',
  columns: ['sid', 'wxuser_id', 'expires_at'],
  mirror: true,
};

/** A verdict that WeChat is still to tell finds its picture in the target. */
const PICTURE_CHECKS: Copied = {
  table: 'wxmedia_check',
  key: 'trace_id',
  before: '',
  columns: ['trace_id', 'wxuser_id', 'avatar', 'suggest', 'label', 'created_at'],
  mirror: true,
};

/** A message that was used before the move is not used again after it. */
const DELIVERIES: Copied = {
  table: 'wxcallback_delivery',
  key: 'digest',
  before: '',
  columns: ['digest', 'state', 'created_at'],
  mirror: true,
};

const TABLES = [USERS, SESSIONS, REVOKED, PICTURE_CHECKS, DELIVERIES];

const CHUNK = 1000;
const TELL_EVERY = 20_000;

export interface Side {
  readonly db: Db;
  readonly engine: Engine;
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
 * Copies users and sessions from one database into another, ids kept. Writes only what is missing or different there, so
 * a copy that was interrupted is finished by the next, and one that is run again brings the latest changes.
 * @throws {Error} when the two differ in the end
 */
export async function copyAll(from: Side, to: Side, report: Report): Promise<CopyResult> {
  let written = 0;
  for (const copied of TABLES) written += await copyTable(copied, from, to, report);
  const hash = createHash('sha256');
  const rows: Partial<Record<keyof Tables, number>> = {};
  for (const copied of TABLES) {
    const same = await compare(copied, from.db, to.db);
    rows[copied.table] = same.rows;
    hash.update(same.checksum);
  }
  return { users: rows.wxuser ?? 0, sessions: rows.wxsession ?? 0, written, checksum: hash.digest('hex') };
}

type Key = number | string;
type Row = Readonly<Record<string, string | number | null>>;

async function copyTable(copied: Copied, from: Side, to: Side, report: Report): Promise<number> {
  const total = await count(copied, from.db);
  let [done, written] = [0, 0];
  let after: Key = copied.before;
  for (let more = true; more; ) {
    const rows: Row[] = await chunk(copied, from.db, after);
    more = rows.length > 0;
    const last: Key | undefined = rows.at(-1)?.[copied.key] ?? undefined;
    written += await bringOver(copied, rows, to, await between(copied, to.db, after, last));
    if (Math.floor((done + rows.length) / TELL_EVERY) > Math.floor(done / TELL_EVERY)) {
      report(`${done + rows.length} of ${total} rows of ${copied.table} (${written} written)`);
    }
    done += rows.length;
    after = last ?? after;
  }
  return written;
}

/** Writes the rows that the target has not, or has otherwise. */
async function bringOver(
  copied: Copied,
  rows: readonly Row[],
  to: Side,
  there: readonly Row[],
): Promise<number> {
  const known = new Map(there.map((row) => [row[copied.key], JSON.stringify(row)]));
  const news = rows.filter((row) => known.get(row[copied.key] ?? null) !== JSON.stringify(row));
  if (news.length > 0) await write(copied, to, news);
  for (const row of rows) known.delete(row[copied.key] ?? null);
  if (copied.mirror && known.size > 0) {
    const extra = sql.join([...known.keys()]);
    await sql`DELETE FROM ${sql.table(copied.table)} WHERE ${sql.ref(copied.key)} IN (${extra})`.execute(
      to.db,
    );
  }
  return news.length;
}

async function count({ table }: Copied, db: Db): Promise<number> {
  const { rows } = await sql<{ n: number }>`SELECT COUNT(*) AS n FROM ${sql.table(table)}`.execute(db);
  return Number(rows[0]?.n);
}

async function chunk(copied: Copied, db: Db, after: Key): Promise<Row[]> {
  return select(
    copied,
    db,
    sql`${sql.ref(copied.key)} > ${after} ORDER BY ${sql.ref(copied.key)} LIMIT ${sql.lit(CHUNK)}`,
  );
}

/** Up to a key, or, where the source has no more, to the end. */
async function between(copied: Copied, db: Db, after: Key, last: Key | undefined): Promise<Row[]> {
  const key = sql.ref(copied.key);
  return select(
    copied,
    db,
    last === undefined ? sql`${key} > ${after}` : sql`${key} > ${after} AND ${key} <= ${last}`,
  );
}

async function select(copied: Copied, db: Db, where: ReturnType<typeof sql>): Promise<Row[]> {
  // By our own spelling: an adopted table may write its columns in capitals.
  const columns = copied.columns.map((column) => sql`${sql.ref(column)} AS ${sql.ref(column)}`);
  const query = sql<Row>`SELECT ${sql.join(columns)} FROM ${sql.table(copied.table)} WHERE ${where}`;
  const { rows } = await query.execute(db);
  // In an adopted table gender may be NULL or a text.
  return copied === USERS ? rows.map((row) => ({ ...row, gender: Number(row['gender'] ?? 0) })) : rows;
}

async function write(copied: Copied, { db, engine }: Side, rows: readonly Row[]): Promise<void> {
  const changed = copied.columns.filter((column) => column !== copied.key);
  const values = rows.map((row) => sql`(${sql.join(copied.columns.map((column) => row[column] ?? null))})`);
  const set = changed.map((column) => {
    const news = engine === 'mysql' ? sql`VALUES(${sql.ref(column)})` : sql.ref(`excluded.${column}`);
    return sql`${sql.ref(column)} = ${news}`;
  });
  const conflict =
    engine === 'mysql'
      ? sql`ON DUPLICATE KEY UPDATE`
      : sql`ON CONFLICT (${sql.ref(copied.key)}) DO UPDATE SET`;
  await sql`INSERT INTO ${sql.table(copied.table)} (${sql.join(copied.columns.map((column) => sql.ref(column)))})
    VALUES ${sql.join(values)} ${conflict} ${sql.join(set)}`.execute(db);
}

interface Fingerprint {
  readonly rows: number;
  readonly checksum: string;
}

async function compare(copied: Copied, from: Db, to: Db): Promise<Fingerprint> {
  const [source, target] = await Promise.all([fingerprint(copied, from), fingerprint(copied, to)]);
  if (source.rows === target.rows && source.checksum === target.checksum) return source;
  const said = ({ rows, checksum }: Fingerprint) => `${rows} rows, checksum ${checksum.slice(0, 16)}`;
  throw new Error(
    `${copied.table} differs: ${said(source)} in the source, ${said(target)} in the target. Somebody logged in meanwhile ` +
      '(run it again, with the server stopped), or the target has users that the source has not (start with an empty one)',
  );
}

async function fingerprint(copied: Copied, db: Db): Promise<Fingerprint> {
  const hash = createHash('sha256');
  let rows = 0;
  let after = copied.before;
  for (let part = await chunk(copied, db, after); part.length > 0; part = await chunk(copied, db, after)) {
    for (const row of part) hash.update(JSON.stringify(row));
    rows += part.length;
    after = part.at(-1)?.[copied.key] ?? after;
  }
  return { rows, checksum: hash.digest('hex') };
}
