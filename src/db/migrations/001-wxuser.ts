import { sql } from 'kysely';
import { type Column, describeTable, type Table } from '../mysql-table.ts';
import type { Db, Engine } from '../schema.ts';
import type { Change, Step } from '../steps.ts';
import { idIsUnique, idProblems } from './ids.ts';
import { countDuplicates, createMergedTable, mergeDuplicates } from './merge.ts';

/** The users: makes the table, or takes over the one that the Express tutorial made. */
export function wxuser(engine: Engine): Change {
  return { plan: engine === 'mysql' ? planOnMysql : planOnSqlite };
}

async function planOnSqlite(db: Db): Promise<Step[]> {
  const tables = await db.introspection.getTables();
  if (!tables.some((table) => table.name === 'wxuser')) {
    return [{ what: 'create the table wxuser', run: () => onSqlite.execute(db) }];
  }
  const indexes = await sql<{
    name: string;
  }>`SELECT name FROM sqlite_master WHERE name = 'wxuser_unionid'`.execute(db);
  if (indexes.rows.length > 0) return [];
  return [
    {
      what: 'index wxuser by unionid',
      run: () => sql`CREATE INDEX wxuser_unionid ON wxuser (unionid)`.execute(db),
    },
  ];
}

const onSqlite = sql`
  CREATE TABLE wxuser (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    appid TEXT NOT NULL DEFAULT '',
    user_id TEXT NOT NULL,
    unionid TEXT,
    nickName TEXT,
    avatar TEXT,
    gender INTEGER DEFAULT 0,
    phone TEXT,
    status TEXT NOT NULL DEFAULT 'active',
    own_nickName INTEGER NOT NULL DEFAULT 0,
    own_avatar INTEGER NOT NULL DEFAULT 0,
    own_gender INTEGER NOT NULL DEFAULT 0,
    session_generation INTEGER NOT NULL DEFAULT 0,
    created_at TEXT,
    updated_at TEXT,
    last_login_at TEXT,
    UNIQUE (appid, user_id)
  )`;

/**
 * Our columns in MySQL. An openid is case-sensitive, so it is compared byte by byte; ascii keeps its key within the 767
 * bytes of MySQL 5.6. Every column has a default or may be NULL: the tutorial's own server can go on inserting while
 * its table moves in. Rows it makes have the appid '', which the first real app claims.
 */
const COLUMNS = {
  appid: "VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT ''",
  user_id: 'VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL',
  unionid: 'VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL',
  nickName: 'VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci NULL',
  avatar: 'VARCHAR(512) CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci NULL',
  gender: 'TINYINT NULL DEFAULT 0',
  phone: 'VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NULL',
  status: "VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT 'active'",
  own_nickName: 'TINYINT NOT NULL DEFAULT 0',
  own_avatar: 'TINYINT NOT NULL DEFAULT 0',
  own_gender: 'TINYINT NOT NULL DEFAULT 0',
  session_generation: 'INT UNSIGNED NOT NULL DEFAULT 0',
  created_at: 'DATETIME(3) NULL',
  updated_at: 'DATETIME(3) NULL',
  last_login_at: 'DATETIME(3) NULL',
} as const;

const UNIQUE_KEY = 'UNIQUE KEY wxuser_appid_user_id (appid, user_id)';
const UNIONID_KEY = 'KEY wxuser_unionid (unionid)';
const ID = 'id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT';

/** The least length of a text, where an existing column is shorter. */
const LEAST_LENGTH: Readonly<Record<string, number>> = { user_id: 64, nickName: 64, avatar: 512 };
const TEXTS = /^(?:var)?char$|text$/;
/** What an existing column of our name may be. */
const FITTING: readonly [RegExp, RegExp][] = [
  [/^id$/, /int$/],
  [/^(?:appid|user_id|unionid|nickname|avatar|phone|status)$/, TEXTS],
  [/^session_generation$/, /int$/],
  [/^(?:gender|own_)/, /int$|char$|^enum$|^decimal$|^bit$/],
  [/_at$/, /^(?:datetime|timestamp)$/],
];

async function planOnMysql(db: Db): Promise<Step[]> {
  const table = await describeTable(db, 'wxuser');
  const alter = (what: string, clauses: readonly string[]): Step => ({
    what,
    run: () => sql.raw(`ALTER TABLE wxuser ${clauses.join(', ')}`).execute(db),
  });
  if (!table) return [{ what: 'create the table wxuser', run: () => sql.raw(createTable()).execute(db) }];
  refuseUnfitting(table, await idProblems(db, table));

  const steps: Step[] = [];
  const rows = `about ${table.rows} rows`;
  const clauses = [...engineClause(table), ...idClauses(table), ...(await columnClauses(db, table))];
  if (clauses.length > 0)
    steps.push(alter(`adopt the table wxuser (${rows}): ${clauses.join(', ')}`, clauses));

  if (!table.uniqueKeys.has('wxuser_appid_user_id')) {
    const { users, rows: merged } = await countDuplicates(db, table);
    if (!(await describeTable(db, 'wxuser_merged'))) steps.push(createMergedTable(db));
    if (users > 0) steps.push(mergeDuplicates(db, users, merged));
    steps.push(alter(`make (appid, user_id) unique (${rows})`, [`ADD ${UNIQUE_KEY}`]));
  }
  if (!table.keys.has('wxuser_unionid'))
    steps.push(alter(`index wxuser by unionid (${rows})`, [`ADD ${UNIONID_KEY}`]));
  return steps;
}

function createTable(): string {
  const columns = Object.entries(COLUMNS).map(([name, definition]) => `${name} ${definition}`);
  return `CREATE TABLE wxuser (${[`${ID} PRIMARY KEY`, ...columns, UNIQUE_KEY, UNIONID_KEY].join(', ')})
    DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci`;
}

/** Says all that is in the way before anything is changed. */
function refuseUnfitting({ columns }: Table, problemsOfIds: readonly string[]): void {
  const problems = [...columns.values()].flatMap(({ name, type, fullType }) => {
    const fitting = FITTING.find(([ours]) => ours.test(name.toLowerCase()))?.[1];
    return fitting && !fitting.test(type) ? [`its column ${name} is ${fullType}`] : [];
  });
  if (!columns.has('user_id')) problems.push('it has no column user_id for the openid');
  problems.push(...problemsOfIds);
  if (problems.length === 0) return;
  throw new Error(
    `The table wxuser cannot be adopted: ${problems.join('; ')}. Rename what is in the way, and start again.`,
  );
}

/** A MyISAM table knows no transactions, and may lose rows in a crash. */
function engineClause({ engine }: Table): string[] {
  return /^(?:MyISAM|Aria)$/i.test(engine) ? ['ENGINE=InnoDB'] : [];
}

/** An id that counts up by itself, beside whatever primary key there is. */
function idClauses(table: Table): string[] {
  const { columns, keys } = table;
  const id = columns.get('id');
  const free = !keys.has('PRIMARY');
  if (!id) return [`ADD COLUMN ${ID} ${free ? 'PRIMARY KEY' : 'UNIQUE'} FIRST`];
  const key = free ? 'ADD PRIMARY KEY (id)' : 'ADD UNIQUE KEY wxuser_id (id)';
  const keyed = idIsUnique(table) ? [] : [key];
  return id.autoIncrement
    ? keyed
    : [...keyed, `MODIFY COLUMN id ${id.fullType} NOT NULL AUTO_INCREMENT${comment(id)}`];
}

async function columnClauses(db: Db, { columns }: Table): Promise<string[]> {
  const clauses: string[] = [];
  for (const [name, definition] of Object.entries(COLUMNS)) {
    const column = columns.get(name.toLowerCase());
    if (!column) clauses.push(`ADD COLUMN ${name} ${definition}`);
    else if (name === 'user_id') clauses.push(...(await openidClause(db, column)));
    else if (name in LEAST_LENGTH) clauses.push(...textClause(name, column));
    else if (!column.nullable && !column.hasDefault) clauses.push(defaultClause(column));
  }
  return clauses;
}

/** The openid becomes case-sensitive, in ascii for its key to fit. A user_id that is no openid at all keeps its letters. */
async function openidClause(db: Db, column: Column): Promise<string[]> {
  const { rows } = await sql<{ n: number }>`
    SELECT COUNT(*) AS n FROM wxuser WHERE user_id <> CONVERT(user_id USING ascii)`.execute(db);
  const charset = Number(rows[0]?.n) === 0 ? 'ascii' : 'utf8mb4';
  const length = Math.max(64, column.type.endsWith('text') ? 64 : column.length);
  const done = column.type === 'varchar' && column.collation === `${charset}_bin` && column.length === length;
  if (done) return [];
  const type = `VARCHAR(${length}) CHARACTER SET ${charset} COLLATE ${charset}_bin`;
  return [`MODIFY COLUMN ${column.name} ${type} ${column.nullable ? 'NULL' : 'NOT NULL'}${comment(column)}`];
}

/** A text of ours takes emoji and NULL, and is long enough; its length never shrinks. */
function textClause(name: string, column: Column): string[] {
  const least = LEAST_LENGTH[name] ?? 0;
  const isText = column.type.endsWith('text');
  const roomy = column.length >= (isText ? 4 * least : least); // a TEXT is measured in bytes
  if (column.charset === 'utf8mb4' && roomy && column.nullable) return [];
  const type = isText && roomy ? column.fullType : `VARCHAR(${Math.max(least, column.length)})`;
  const collation = column.charset === 'utf8mb4' ? column.collation : 'utf8mb4_unicode_ci';
  return [
    `MODIFY COLUMN ${column.name} ${type} CHARACTER SET utf8mb4 COLLATE ${collation} NULL${comment(column)}`,
  ];
}

/** Our inserts name what they know only. */
function defaultClause({ name }: Column): string {
  return `ALTER COLUMN ${name} SET DEFAULT '${name.toLowerCase() === 'gender' ? 0 : ''}'`;
}

function comment(column: Column): string {
  return column.comment ? ` COMMENT '${column.comment.replaceAll('\\', '\\\\').replaceAll("'", "''")}'` : '';
}
