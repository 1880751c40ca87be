import { sql } from 'kysely';
import { checksOf } from '../mysql-constraints.ts';
import { type Column, quoted, type Table } from '../mysql-table.ts';
import type { Db } from '../schema.ts';
import { renamed } from './alterations.ts';
import { isOurs } from './definitions.ts';
import type { Problem } from './problem.ts';
import { alterUsers, updateUsers } from './statements.ts';

const TEXTS = /^(?:var)?char$|text$/;
/** What an existing column of our name may be, and what the login writes there. */
const FITTING: readonly [RegExp, RegExp, string][] = [
  [/^id$/, /int$/, 'whole numbers'],
  [/^(?:appid|user_id|unionid|nickname|avatar|phone|status)$/, TEXTS, 'texts'],
  [/^session_generation$/, /int$/, 'whole numbers'],
  [/^own_/, /int$/, 'whole numbers'],
  [/^gender$/, /int$|char$|text$|^enum$|^decimal$/, 'the numbers 0, 1 and 2'],
  [/_at$/, /^(?:datetime|timestamp)$/, 'times'],
];
/** What an own column may be called that has the openid. */
const OPENID = /^(?:wx|wechat|weixin|mp|mini|ma|xcx)?_?open_?id$/;

/** What of the columns that have our names is not what we need. */
export async function problemsOfOurColumns(db: Db, table: Table): Promise<Problem[]> {
  const { columns } = table;
  const problems: Problem[] = [];
  for (const [name, column] of columns) {
    if (!isOurs(name)) continue;
    const unfit = problemOfType(name, column) ?? problemOfCheck(table, name, column);
    if (unfit) problems.push(unfit);
    else problems.push(...(await problemsOfValues(db, table, name, column)));
  }
  return problems;
}

/** Which column has the openid: without that, nothing else can be said. */
export function problemOfOpenid({ columns }: Table): Problem | undefined {
  const openid = [...columns].find(([name]) => OPENID.test(name))?.[1];
  const userId = columns.get('user_id');
  if (!openid)
    return userId
      ? undefined
      : { what: 'user_id', says: 'it has no column user_id for the openid', helps: [] };
  const free = userId?.autoIncrement && !columns.has('id') ? 'id' : 'user_id_old';
  const clauses = [...(userId ? [renamed(userId, free)] : []), renamed(openid, 'user_id')];
  const says = userId
    ? `it would be taken for the openid, but the openids seem to be in ${openid.name}`
    : `the openid must be in a column of this name; it seems to be in ${openid.name}`;
  return { what: 'user_id', says, helps: [alterUsers(clauses.join(', '))] };
}

function problemOfType(name: string, column: Column): Problem | undefined {
  const [, types, written] = FITTING.find(([ours]) => ours.test(name)) ?? [];
  if (column.generated)
    return problem(column, 'it is computed, and the login writes into a column of this name', [
      rename(column),
    ]);
  if (!types || types.test(column.type)) return undefined;
  const says = `the login writes ${written} into a column of this name`;
  if (column.type === 'json') {
    const text = `MODIFY ${quoted(column.name)} VARCHAR(255) CHARACTER SET utf8mb4 NULL`;
    return problem(column, says, [alterUsers(text), unquote(column)]);
  }
  if (column.type === 'bit')
    return problem(column, says, [alterUsers(`MODIFY ${quoted(column.name)} TINYINT NULL DEFAULT 0`)]);
  if (name === 'user_id')
    return /binary$/.test(column.type)
      ? problem(column, says, [
          alterUsers(`MODIFY ${quoted(column.name)} VARCHAR(${Math.max(64, column.length)}) NULL`),
        ])
      : problem(
          column,
          'it must be the openid, a text: rename it, and give its name to the column of the openids',
          [],
        );
  return problem(column, says, [rename(column)]);
}

/** A CHECK that our values may not pass; in MariaDB a JSON is a text with one. */
function problemOfCheck(table: Table, name: string, column: Column): Problem | undefined {
  const check = checksOf(table).find((each) => each.columns.has(name));
  if (!check) return undefined;
  if (check.name !== undefined)
    return problem(column, `what the login writes there may not pass the CHECK ${check.name}`, [
      alterUsers(`DROP CONSTRAINT ${quoted(check.name)}`),
    ]);
  const free = column.definition.slice(0, column.definition.lastIndexOf(' CHECK ('));
  const isJson = /json_valid/i.test(column.definition);
  return problem(column, 'what the login writes there may not pass its CHECK', [
    alterUsers(`MODIFY ${quoted(column.name)} ${free}`),
    ...(isJson ? [unquote(column)] : []),
  ]);
}

async function problemsOfValues(db: Db, table: Table, name: string, column: Column): Promise<Problem[]> {
  switch (name) {
    case 'appid': {
      const empty = await count(db, sql`appid IS NULL`);
      const help = updateUsers(table, "appid = ''", 'appid IS NULL');
      return empty > 0
        ? [problem(column, `it is NULL in ${empty} rows, whose users would come as new ones`, [help])]
        : [];
    }
    case 'user_id': {
      const empty = await count(db, sql`user_id = ''`);
      const says = `it is empty in ${empty} rows, which would be merged as if they were one user`;
      const help = column.nullable
        ? updateUsers(table, 'user_id = NULL', "user_id = ''")
        : "DELETE FROM wxuser WHERE user_id = ''";
      return empty > 1 ? [problem(column, says, [help])] : [];
    }
    case 'status':
      return problemsOfStatus(db, column);
    case 'gender':
      return problemsOfGender(db, table, column);
    case 'own_nickname':
    case 'own_avatar':
    case 'own_gender':
    case 'session_generation': {
      const plain = !column.nullable && / DEFAULT '?0'?(?: |$)/i.test(column.definition);
      return plain ? [] : [problem(column, 'here a column of this name begins with 0', [rename(column)])];
    }
    default:
      return [];
  }
}

/** A status of another meaning, such as `'0'`. */
async function problemsOfStatus(db: Db, column: Column): Promise<Problem[]> {
  const others = await count(db, sql`status IS NULL OR BINARY status NOT IN ('active', 'banned')`);
  if (others === 0 && / DEFAULT 'active'/.test(column.definition) && column.length >= 6) return [];
  const says =
    "here a column of this name is 'active', which is its default, or 'banned': no other user would be updated";
  return [problem(column, says, [rename(column)])];
}

const MEN = /^(?:1|男.?|m|man|male|boy)$/i;
const WOMEN = /^(?:2|女.?|f|w|woman|female|girl)$/i;

/** A gender that is a word, or an ENUM of words. */
async function problemsOfGender(db: Db, table: Table, column: Column): Promise<Problem[]> {
  if (!/char$|text$|^enum$/.test(column.type)) return [];
  const { rows } = await sql<{ gender: string }>`
    SELECT DISTINCT gender AS gender FROM wxuser WHERE TRIM(gender) NOT IN ('', '0', '1', '2') LIMIT 20`.execute(
    db,
  );
  const labels = column.type === 'enum' ? [...column.fullType.matchAll(/'((?:[^']|'')*)'/g)] : [];
  const words = [
    ...new Set([...rows.map((row) => row.gender), ...labels.map(([, label = '']) => label)]),
  ].filter((word) => !/^[012]?$/.test(word.trim()));
  if (words.length === 0) return [];
  const cases = words.map((word) => {
    const quotedWord = `'${word.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;
    return `WHEN ${quotedWord} THEN '${MEN.test(word) ? 1 : WOMEN.test(word) ? 2 : 0}'`;
  });
  const text = `MODIFY ${quoted(column.name)} VARCHAR(64) CHARACTER SET utf8mb4 NULL`;
  const known = `TRIM(${quoted(column.name)}) NOT IN ('', '0', '1', '2')`;
  return [
    problem(column, `here it is 0 (unknown), 1 (male) or 2 (female), not ${words.slice(0, 3).join(', ')}`, [
      alterUsers(text),
      updateUsers(
        table,
        `${quoted(column.name)} = CASE ${quoted(column.name)} ${cases.join(' ')} ELSE '0' END`,
        known,
      ),
    ]),
  ];
}

async function count(db: Db, where: ReturnType<typeof sql>): Promise<number> {
  const { rows } = await sql<{ n: number }>`SELECT COUNT(*) AS n FROM wxuser WHERE ${where}`.execute(db);
  return Number(rows[0]?.n ?? 0);
}

function problem({ name, definition }: Column, says: string, helps: readonly string[]): Problem {
  return { what: `${name} ${definition}`, says, helps };
}

function rename(column: Column): string {
  return alterUsers(renamed(column, `${column.name}_old`));
}

function unquote({ name }: Column): string {
  return `UPDATE wxuser SET ${quoted(name)} = JSON_UNQUOTE(${quoted(name)}) WHERE JSON_VALID(${quoted(name)})`;
}
