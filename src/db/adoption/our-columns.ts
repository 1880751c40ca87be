import { sql } from 'kysely';
import { checksOf } from '../mysql-constraints.ts';
import { defaultOf, without } from '../mysql-definition.ts';
import { type Column, quoted, type Table } from '../mysql-table.ts';
import type { Db } from '../schema.ts';
import { renamed } from './alterations.ts';
import { COLUMNS, isOurs } from './definitions.ts';
import { columnsOf } from './keys.ts';
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
/** What of the columns that have our names is not what we need. */
export async function problemsOfOurColumns(db: Db, table: Table): Promise<Problem[]> {
  const { columns } = table;
  const problems: Problem[] = [];
  for (const [name, column] of columns) {
    if (!isOurs(name)) continue;
    const unfit = problemOfType(table, name, column) ?? problemOfCheck(table, name, column);
    if (unfit) problems.push(unfit);
    else problems.push(...(await problemsOfValues(db, table, name, column)));
  }
  return problems;
}

function problemOfType(table: Table, name: string, column: Column): Problem | undefined {
  const [, types, written] = FITTING.find(([ours]) => ours.test(name)) ?? [];
  if (column.generated)
    return problem(column, 'it is computed, and the login writes into a column of this name', [
      rename(column),
    ]);
  if (!types || types.test(column.type) || name === 'status') return undefined;
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
          // A BINARY is filled up with them.
          updateUsers(
            table,
            `${quoted(column.name)} = TRIM(TRAILING '\\0' FROM ${quoted(column.name)})`,
            `${quoted(column.name)} LIKE '%\\0'`,
          ),
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
  const free = without(column.definition, 'check');
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
      // It takes many rows of one openid while their appid is NULL; they are merged later.
      const opened = [...table.keys.values()]
        .filter(({ unique, columns }) => unique && columns.includes('appid') && !columns.includes('id'))
        .map((key) => alterUsers(`DROP INDEX ${quoted(key.name)}, ADD INDEX (${columnsOf(table, key)})`));
      return empty > 0
        ? [
            problem(column, `it is NULL in ${empty} rows, whose users would come as new ones`, [
              ...opened,
              help,
            ]),
          ]
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
      return problemsOfStatus(db, table, column);
    case 'gender':
      return problemsOfGender(db, table, column);
    case 'own_nickname':
    case 'own_avatar':
    case 'own_gender':
    case 'session_generation': {
      const plain = !column.nullable && /^'?0'?$/.test(defaultOf(column.definition) ?? '');
      return plain ? [] : [problem(column, 'here a column of this name begins with 0', [rename(column)])];
    }
    default:
      return [];
  }
}

/** A status of another meaning, such as `'0'`. */
async function problemsOfStatus(db: Db, table: Table, column: Column): Promise<Problem[]> {
  const others = await count(db, sql`status IS NULL OR BINARY status NOT IN ('active', 'banned')`);
  const begins = defaultOf(column.definition) === "'active'";
  if (others === 0 && begins && TEXTS.test(column.type) && column.length >= 6) return [];
  const isWord = TEXTS.test(column.type) || column.type === 'enum';
  const banned = isWord ? await count(db, sql`LOWER(TRIM(status)) = 'banned'`) : 0;
  const old = `${column.name}_old`;
  const helps = [
    alterUsers(`${renamed(column, old)}, ADD COLUMN status ${COLUMNS.status}`),
    ...(banned > 0
      ? [updateUsers(table, "`status` = 'banned'", `LOWER(TRIM(${quoted(old)})) = 'banned'`)]
      : []),
  ];
  const says =
    "here a column of this name is 'active', which is its default, or 'banned': no other user would be updated. " +
    `Every ${banned > 0 ? 'other ' : ''}user becomes active: if the old column bans some, ban them again with weapp-login ban <id>`;
  return [problem(column, says, helps)];
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
    return `WHEN ${quotedWord} THEN '${MEN.test(word.trim()) ? 1 : WOMEN.test(word.trim()) ? 2 : 0}'`;
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
